import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../errors.ts';
import { parseProxyLog } from './log-place.ts';

describe('--proxy-log', () => {
  it.each([
    ['/var/log/squid/access.log', '/var/log/squid/access.log'],
    ['./logs/access.log', resolve('logs/access.log')],
    ['../access.log', resolve('../access.log')],
    ['access.log', resolve('access.log')],
  ])('takes the file %s', (told, path) => {
    expect(parseProxyLog(told)).toEqual({ kind: 'file', told, path });
  });

  it.each([
    ['proxies/squid-0', {}],
    ['proxies/squid-0/squid', { container: 'squid' }],
    ['proxies/squid-0:/var/log/squid/access.log', { path: '/var/log/squid/access.log' }],
    ['proxies/squid-0/squid:/a:b', { container: 'squid', path: '/a:b' }],
  ])('takes the pod %s', (told, more) => {
    const pod = { kind: 'pod', namespace: 'proxies', pod: 'squid-0' };
    expect(parseProxyLog(told)).toEqual({ ...pod, container: undefined, path: undefined, told, ...more });
  });

  it.each(['', 'proxies/', 'a/b/c/d', 'Proxies/squid', 'proxies/squid:access.log', 'proxies/squid:'])(
    'refuses %j',
    (told) => {
      expect(() => parseProxyLog(told)).toThrow(UsageError);
    },
  );
});
