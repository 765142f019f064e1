import { describe, expect, it } from 'vitest';
import {
  bytesAgree,
  connectAnswerBytes,
  foreignLine,
  ownLine,
  parseProxyLine,
  proxyResult,
  targetOf,
} from './squid.ts';
import { formatProxyLine } from '../../tests/samples/log-lines.ts';
import { isFailure } from './statements.ts';
import { lines } from '../../tests/samples/trip.ts';
import fc from 'fast-check';

describe('parseProxyLine', () => {
  it("reads the baseline's line", () => {
    expect(parseProxyLine(lines.baselineProxy)).toEqual({
      witness: 'proxy',
      line: lines.baselineProxy,
      endedAt: 1795362440797,
      elapsedMs: 12,
      clientIp: '10.42.0.6',
      result: 'TCP_TUNNEL',
      status: 200,
      bytes: 2061,
      method: 'CONNECT',
      target: 'en.wikipedia.org:443',
      hierarchy: 'HIER_DIRECT',
      peer: '10.42.0.4',
    });
  });

  it("reads the document's line, and a refusal", () => {
    expect(parseProxyLine(lines.document2018Proxy)).toMatchObject({
      elapsedMs: 228,
      bytes: 87633,
      peer: '91.198.174.192',
    });
    expect(parseProxyLine(lines.denied)).toMatchObject({
      result: 'TCP_DENIED',
      status: 403,
      hierarchy: 'HIER_NONE',
      peer: undefined,
    });
  });

  it('reads a connection that never asked for anything', () => {
    const line =
      '1795362440.797      0 10.42.0.1 NONE_NONE/000 0 - error:transaction-end-before-headers - HIER_NONE/- -';
    expect(parseProxyLine(line)).toMatchObject({ status: 0, method: '-', result: 'NONE_NONE' });
  });

  const name = fc.constantFrom('TCP_TUNNEL', 'TCP_DENIED', 'NONE_NONE', 'TCP_MISS_ABORTED');
  const statement = fc.record({
    endedAt: fc.integer({ min: 0, max: 99_999_999_999_999 }),
    elapsedMs: fc.nat(),
    clientIp: fc.oneof(
      fc.ipV4(),
      fc.ipV6().filter((ip) => !ip.includes('%')),
    ),
    result: name,
    status: fc.integer({ min: 0, max: 999 }),
    bytes: fc.nat(),
    method: fc.constantFrom('CONNECT', 'GET', '-'),
    target: fc.oneof(
      fc.webUrl(),
      fc.domain().map((host) => `${host}:443`),
      fc.constant('[2001:db8::1]:443'),
    ),
    hierarchy: fc.constantFrom('HIER_DIRECT', 'HIER_NONE', 'TIMEOUT_HIER_DIRECT'),
    peer: fc.option(fc.oneof(fc.ipV4(), fc.ipV6()), { nil: undefined }),
  });

  it('reads back what it wrote', () => {
    fc.assert(
      fc.property(statement, (one) => {
        const line = formatProxyLine(one);
        expect(parseProxyLine(line)).toEqual({ witness: 'proxy', line, ...one });
      }),
    );
  });

  it.each([
    ['', 'empty'],
    ['2026/11/22 15:47:20| Accepting HTTP Socket connections', 'application-log'],
    ['1795362440.797 something else', 'foreign-format'],
    [lines.proxy.replace('10.42.0.7', 'sleep.default'), 'foreign-format'],
    [`${lines.proxy} more`, 'foreign-format'],
    [lines.proxy.slice(0, -2), 'foreign-format'],
    [lines.proxy.replace(' 2085 ', ' - '), 'foreign-format'],
  ])('says what %j is instead', (line, kind) => {
    expect(parseProxyLine(line)).toMatchObject({ witness: undefined, kind });
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(isFailure(parseProxyLine(text))).toBe(true);
      }),
    );
  });
});

describe('bytesAgree', () => {
  it('knows that Squid 3.5 leaves its CONNECT answer out, and nothing else', () => {
    expect('HTTP/1.1 200 Connection established\r\n\r\n').toHaveLength(connectAnswerBytes);
    expect(bytesAgree(2085, 2085)).toBe(true);
    expect(bytesAgree(2085, 2046)).toBe(true);
    for (const other of [2084, 2086, 2124, 2045, 2047, 0]) expect(bytesAgree(2085, other)).toBe(false);
  });
});

it('writes a result as the log does', () => {
  expect(proxyResult({ result: 'NONE_NONE', status: 0 })).toBe('NONE_NONE/000');
});

it.each([
  ['https://en.wikipedia.org/wiki/Main_Page', 'en.wikipedia.org:443'],
  ['https://en.wikipedia.org:444/', 'en.wikipedia.org:444'],
  ['https://[2001:db8::1]/', '[2001:db8::1]:443'],
  ['http://example.com', 'http://example.com/'],
])('the target of %s is %s', (url, target) => {
  expect(targetOf(url)).toBe(target);
});

it('refuses other schemes', () => {
  expect(() => targetOf('ftp://example.com')).toThrow(TypeError);
});

const line = (user: string, target = 'en.wikipedia.org:443'): string =>
  `1795362445.652      7 192.0.2.9 TCP_TUNNEL/200 2085 CONNECT ${target} ${user} HIER_DIRECT/10.42.0.4 -`;
const hosts = ['en.wikipedia.org'];

describe('a line of somebody else’s proxy', () => {
  it('is kept without the name of the suite’s own user', () => {
    const kept = line('[user]');
    expect(ownLine(line('alice'), { hosts, user: 'alice' })).toBe(kept);
    expect(ownLine(line('alice@EXAMPLE.COM'), { hosts, user: 'alice' })).toBe(kept);
    expect(ownLine(line('EXAMPLE%5CAlice'), { hosts, user: 'alice' })).toBe(kept);
    expect(ownLine(line('%zz-alice'), { hosts, user: 'alice' })).toBe(kept);
  });

  it('is kept as it is where the proxy asks for no user', () => {
    expect(ownLine(line('-'), { hosts, user: undefined })).toBe(line('-'));
    expect(ownLine(line('-'), { hosts, user: 'alice' })).toBe(line('-'));
  });

  it('is not kept when it tells of other people', () => {
    expect(ownLine(line('bob'), { hosts, user: 'alice' })).toBeUndefined();
    expect(ownLine(line('bob'), { hosts, user: undefined })).toBeUndefined();
    expect(ownLine(line('-', 'mail.example:443'), { hosts, user: undefined })).toBeUndefined();
  });

  it('is reported without its text when it has another format', () => {
    const common =
      '192.0.2.9 - alice [22/Nov/2026:15:47:25 +0000] "CONNECT en.wikipedia.org:443 HTTP/1.1" 200';
    expect(ownLine(common, { hosts, user: 'alice' })).toBe(foreignLine);
    expect(ownLine('started', { hosts, user: 'alice' })).toBeUndefined();
  });
});
