import { describe, expect, it } from 'vitest';
import {
  clientGoProxyFor,
  excludes,
  noProxies,
  proxyFor,
  proxyUrl,
  withoutCredentials,
} from './variables.ts';

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

describe('clientGoProxyFor', () => {
  const proxy = 'http://proxy.example.com:3128';
  it.each([
    ['https://api.example.com:6443', {}, proxy],
    ['https://10.1.2.3:6443', { NO_PROXY: '10.0.0.0/8' }, undefined],
    ['https://10.1.2.3:6443', { no_proxy: '192.168.0.0/16,10.1.0.0/16' }, undefined],
    ['https://11.1.2.3:6443', { NO_PROXY: '10.0.0.0/8,nonsense/99,fd00::/8' }, proxy],
    ['https://[fd00::1]:6443', { NO_PROXY: 'fd00::/8' }, undefined],
    ['https://api.example.com:6443', { NO_PROXY: '.example.com' }, undefined],
    ['https://127.0.0.1:6443', {}, undefined],
    ['http://api.example.com', {}, undefined],
  ])('%s with %j: %s', (url, environment, expected) => {
    expect(clientGoProxyFor({ HTTPS_PROXY: proxy, ...environment }, url)).toBe(expected);
  });

  it('takes no HTTP_PROXY for https, and a proxy without a scheme', () => {
    expect(clientGoProxyFor({ HTTP_PROXY: proxy }, 'https://a:1')).toBeUndefined();
    expect(clientGoProxyFor({ https_proxy: 'proxy:3128' }, 'https://a:1')).toBe('http://proxy:3128');
  });
});
