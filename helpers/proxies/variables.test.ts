import { describe, expect, it } from 'vitest';
import { excludes, noProxies, proxyFor, proxyUrl, withoutCredentials } from './variables.ts';

describe('excludes', () => {
  it.each([
    ['example.com', 'example.com'],
    ['.example.com', 'registry.example.com'],
    ['*.example.com', 'registry.example.com'],
    ['a, EXAMPLE.com:443', 'registry.example.com'],
    ['*', 'anything'],
    ['::1', '[::1]'],
  ])('%s names %s', (list, host) => {
    expect(excludes(list, host)).toBe(true);
  });

  it.each([
    ['', 'example.com'],
    ['example.com', 'notexample.com'],
    ['registry.example.com', 'example.com'],
    [',', 'example.com'],
  ])('%s does not name %s', (list, host) => {
    expect(excludes(list, host)).toBe(false);
  });
});

it.each([
  ['http://user:secret@proxy:3128', 'http://…@proxy:3128'],
  ['user:secret@proxy:3128', '…@proxy:3128'],
  ['http://proxy:3128', 'http://proxy:3128'],
])('withoutCredentials(%s)', (value, shown) => {
  expect(withoutCredentials(value)).toBe(shown);
});

it.each(['proxy:3128', 'corporate proxy', 'ftp://proxy', 'http://', 'proxy.example.com'])(
  'proxyUrl takes %s for no proxy',
  (value) => {
    expect(proxyUrl(value)).toBeUndefined();
  },
);

it('noProxies empties each variable in both cases', () => {
  expect(noProxies).toMatchObject({ HTTPS_PROXY: '', https_proxy: '', NO_PROXY: '', all_proxy: '' });
});

it.each([
  [{}, undefined],
  [{ HTTPS_PROXY: 'http://p:1' }, 'http://p:1'],
  [{ HTTPS_PROXY: 'http://p:1', https_proxy: 'http://q:1' }, 'http://q:1'],
  [{ http_proxy: 'http://p:1' }, 'http://p:1'],
  [{ HTTPS_PROXY: 'http://p:1', NO_PROXY: '.wikipedia.org' }, undefined],
  [{ HTTPS_PROXY: 'http://p:1', no_proxy: 'localhost' }, 'http://p:1'],
])('the proxy for an https URL with %j is %s', (environment, proxy) => {
  expect(proxyFor(environment, 'https://en.wikipedia.org/wiki/Main_Page')).toBe(proxy);
});
