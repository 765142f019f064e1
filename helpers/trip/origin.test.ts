import { describe, expect, it } from 'vitest';
import { originLogFormat, originLogFormatName, parseOriginLine, tripIdOf, userAgent } from './origin.ts';
import { isFailure } from './statements.ts';
import { originLine, startedAt, tripId } from '../../tests/samples/trip.ts';
import fc from 'fast-check';

describe('parseOriginLine', () => {
  it('reads a line of its log format', () => {
    const line = originLine();
    expect(parseOriginLine(line)).toEqual({
      witness: 'origin',
      line,
      endedAt: startedAt + 6,
      remote: { ip: '10.42.0.5', port: 50322 },
      tripId,
      host: 'en.wikipedia.org',
      serverName: 'en.wikipedia.org',
      request: 'GET /wiki/Main_Page HTTP/1.1',
      status: 200,
      bytes: 212,
    });
  });

  it('reads any values nginx can log', () => {
    const values = fc.record({
      request: fc.string({ unit: 'grapheme' }),
      host: fc.string({ unit: 'grapheme-ascii' }),
      remote_addr: fc.oneof(
        fc.ipV4(),
        fc.ipV6().filter((ip) => !ip.includes('%')),
      ),
      http_user_agent: fc.string({ unit: 'grapheme' }),
    });
    fc.assert(
      fc.property(values, (x) => {
        const { remote_addr: ip, http_user_agent: _agent, ...rest } = x;
        expect(parseOriginLine(originLine(x))).toMatchObject({ ...rest, remote: { ip, port: 50322 } });
      }),
    );
  });

  it('reads 000, which is no JSON number, and no trip for a stranger', () => {
    expect(parseOriginLine(originLine({ status: '000', http_user_agent: 'kube-probe/1.34' }))).toMatchObject({
      status: 0,
      tripId: undefined,
    });
    expect(parseOriginLine(originLine({ http_user_agent: userAgent('other') }))).toMatchObject({
      tripId: 'other',
    });
  });

  it('is one nginx directive', () => {
    expect(originLogFormat.startsWith(`log_format ${originLogFormatName} escape=json`)).toBe(true);
    expect(originLogFormat.endsWith(';')).toBe(true);
  });

  it.each([
    ['', 'empty'],
    ['2026/11/22 15:47:20 [notice] 1#1: start worker processes', 'application-log'],
    ['{"time":"now"}', 'json'],
    ['{', 'json'],
    [originLine({ remote_addr: 'unix:' }), 'json'],
    [originLine({ status: '20' }), 'json'],
    [originLine().slice(0, -1), 'json'],
  ])('says what %j is instead', (line, kind) => {
    expect(parseOriginLine(line)).toMatchObject({ witness: undefined, kind });
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), (text) => {
        expect(isFailure(parseOriginLine(text))).toBe(true);
      }),
    );
  });
});

describe('user agent', () => {
  it('carries the trip id', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uuid(), fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/)), (id) => {
        expect(tripIdOf(userAgent(id))).toBe(id);
      }),
    );
  });

  it('says who we are', () => {
    expect(userAgent('a')).toMatch(
      /^istio-external-proxy-conformance\/\d+\.\d+\.\d+ \(\+https:\/\/\S+\) trip\/a$/,
    );
  });

  it.each(['', "a'b", 'a b', '-a', 'a'.repeat(65), 'a\n'])('refuses the id %j', (id) => {
    expect(() => userAgent(id)).toThrow(RangeError);
  });

  it.each([
    '',
    'curl/8.16.0',
    'curl/8 trip/a',
    `${userAgent('a')} trip/b`,
    userAgent('a').replace(' trip/a', ''),
  ])('finds no trip in %j', (agent) => {
    expect(tripIdOf(agent)).toBeUndefined();
  });
});
