import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../errors.ts';
import { expectationsOf } from '../trip/expectations.ts';
import { noStatement, parseProxy, parseProxyLog, proxyOf } from './proxy.ts';

describe('--proxy', () => {
  it.each([
    ['10.1.2.3:3128', { name: undefined, addresses: ['10.1.2.3'], port: 3128 }],
    ['10.1.2.3:3128,10.1.2.4:3128', { name: undefined, addresses: ['10.1.2.3', '10.1.2.4'], port: 3128 }],
    ['[2001:db8::1]:8080', { name: undefined, addresses: ['2001:db8::1'], port: 8080 }],
    ['proxy.example:3128', { name: 'proxy.example', addresses: [], port: 3128 }],
    ['Proxy.Example.:3128', { name: 'proxy.example.', addresses: [], port: 3128 }],
  ])('takes %s', (text, parts) => {
    expect(parseProxy(text)).toEqual({ text, ...parts });
  });

  it.each([
    ['proxy.example', 'has no port'],
    ['proxy.example:0', 'has no port'],
    ['proxy.example:65536', 'has no port'],
    ['', 'has no port'],
    ['10.1.2:3128', 'neither an address nor a host name'],
    ['-proxy:3128', 'neither an address nor a host name'],
    ['[proxy]:3128', 'not an IPv6 address'],
    ['2001:db8::1:3128', 'has no port'],
    ['http://proxy.example:3128', 'it is a URL'],
    ['127.0.0.1:3128', 'the pod itself'],
    ['localhost:3128', 'the pod itself'],
    ['[::1]:3128', 'the pod itself'],
    ['10.1.2.3:3128,10.1.2.4:8080', 'its ports differ'],
    ['10.1.2.3:3128,10.1.2.3:3128', 'has 10.1.2.3 twice'],
    ['proxy.example:3128,10.1.2.3:3128', 'is a name, which must stand alone'],
    ['10.1.2.3:3128,', 'has no port'],
  ])('refuses %s', (text, why) => {
    expect(() => parseProxy(text)).toThrow(UsageError);
    expect(() => parseProxy(text)).toThrow(why);
  });

  it.each(['alice:secret@proxy.example:3128', 'http://alice:secret@proxy.example:3128'])(
    'does not repeat a password: %s',
    (text) => {
      let said = '';
      try {
        parseProxy(text);
      } catch (error) {
        said = error instanceof UsageError ? `${error.message} ${error.hint}` : '';
      }
      expect(said).toContain('CONFORMANCE_PROXY_PASSWORD');
      expect(said).not.toContain('secret');
    },
  );
});

describe('--proxy-log', () => {
  it.each([
    ['/var/log/squid/access.log', '/var/log/squid/access.log'],
    ['./logs/access.log', resolve('logs/access.log')],
    ['../access.log', resolve('../access.log')],
    ['access.log', resolve('access.log')],
  ])('takes the file %s', (text, path) => {
    expect(parseProxyLog(text)).toEqual({ kind: 'file', text, path });
  });

  it.each([
    ['proxies/squid-0', {}],
    ['proxies/squid-0/squid', { container: 'squid' }],
    ['proxies/squid-0:/var/log/squid/access.log', { path: '/var/log/squid/access.log' }],
    ['proxies/squid-0/squid:/a:b', { container: 'squid', path: '/a:b' }],
  ])('takes the pod %s', (text, more) => {
    const pod = { kind: 'pod', namespace: 'proxies', pod: 'squid-0' };
    expect(parseProxyLog(text)).toEqual({ ...pod, container: undefined, path: undefined, text, ...more });
  });

  it.each(['', 'proxies/', 'a/b/c/d', 'Proxies/squid', 'proxies/squid:access.log', 'proxies/squid:'])(
    'refuses %j',
    (text) => {
      expect(() => parseProxyLog(text)).toThrow(UsageError);
    },
  );
});

describe('the proxy of a run', () => {
  it('is deployed without --proxy, and its log is followed', () => {
    const proxy = proxyOf({});
    expect(proxy).toEqual({ kind: 'deployed' });
    expect(noStatement(proxy)).toBeUndefined();
    expect(expectationsOf(proxy)).toMatchObject([{ kind: 'proxy', result: 'TCP_TUNNEL/200' }]);
  });

  it('is the given one, which says nothing without its log', () => {
    const proxy = proxyOf({ proxy: '10.1.2.3:3128,10.1.2.4:3128' });
    expect(proxy).toMatchObject({ kind: 'given', credentials: undefined, log: undefined });
    expect(noStatement(proxy)).toContain(
      'not available: the log of 10.1.2.3:3128,10.1.2.4:3128 is not followed',
    );
    expect(expectationsOf(proxy)).toEqual([]);
  });

  it('says what its log says, where that is followed', () => {
    const proxy = proxyOf({ proxy: 'proxy.example:3128', proxyLog: '/log' });
    expect(noStatement(proxy)).toBeUndefined();
    expect(expectationsOf(proxy, 'TCP_DENIED/403')).toMatchObject([{ result: 'TCP_DENIED/403' }]);
  });
});
