import { describe, expect, it } from 'vitest';
import { attribute, correlate } from './correlate.ts';
import { tripTolerances } from './judgement.ts';
import {
  containing,
  client,
  lines,
  observation,
  originLine,
  soundTrip,
  startedAt,
  tripId,
  url,
  via,
} from '../../tests/samples/trip.ts';
import { userAgent } from './origin.ts';

describe('correlate', () => {
  it('finds the lines of the trip', () => {
    const trip = soundTrip();
    expect(trip.sidecar?.map((one) => one.line)).toEqual([lines.sidecar]);
    expect(trip.proxy?.map((one) => one.line)).toEqual([lines.proxy]);
    expect(trip.origin?.map((one) => one.line)).toEqual([originLine()]);
    expect(trip).toMatchObject({
      id: tripId,
      url,
      via,
      unmatched: [],
      ambiguities: [],
      tolerances: tripTolerances,
    });
  });

  it('tells a log that was not followed from one that says nothing', () => {
    const trip = correlate(observation({ lines: { sidecar: undefined, proxy: [], origin: undefined } }));
    expect(trip).toMatchObject({ sidecar: undefined, proxy: [], origin: undefined });
  });

  it('finds the baseline, which has no sidecar', () => {
    const endedAt = 1795362440797;
    const trip = correlate(
      observation({
        client: client({
          podIp: '10.42.0.6',
          local: { ip: '10.42.0.6', port: 40000 },
          startedAt: endedAt - 80,
          endedAt: endedAt + 20,
          timeTotalMs: 13,
        }),
        lines: { sidecar: undefined, proxy: [lines.baselineProxy], origin: undefined },
      }),
    );
    expect(trip.proxy?.map((one) => one.line)).toEqual([lines.baselineProxy]);
  });

  const why = (changes: Parameters<typeof observation>[0], index = 0) =>
    correlate(observation(changes)).unmatched[index];
  const logs = (changes: object) => ({
    lines: { sidecar: undefined, proxy: undefined, origin: undefined, ...changes },
  });

  it('keeps lines of no trip, and says why', () => {
    expect(why(logs({ sidecar: [lines.agent] }))).toMatchObject({
      reason: 'unparsable',
      witness: 'sidecar',
      line: lines.agent,
    });
    expect(why(logs({ sidecar: ['[2026-11-22T15:47:25.644Z] x'] }))).toMatchObject({
      reason: 'foreign-format',
    });
    expect(why(logs({ sidecar: ['{"a":1}'] }))).toMatchObject({ reason: 'foreign-format' });
    expect(why(logs({ sidecar: [lines.sidecar.replace('43630', '43632')] }))).toMatchObject({
      reason: 'another-client',
      why: containing('10.42.0.7:43632'),
    });
    expect(
      why(logs({ sidecar: [lines.sidecar.replace('43630', '43632').replace('15:47:25', '15:47:20')] })),
    ).toMatchObject({ reason: 'stale' });
    expect(why(logs({ sidecar: [lines.sidecar.replace('15:47:25', '15:47:24')] }))).toMatchObject({
      reason: 'stale',
    });
    expect(why(logs({ sidecar: [lines.sidecar.replace('15:47:25', '15:47:26')] }))).toMatchObject({
      reason: 'late',
    });
    expect(why(logs({ proxy: [lines.baselineProxy] }))).toMatchObject({
      reason: 'another-client',
      why: containing('10.42.0.6'),
    });
    expect(why(logs({ proxy: [lines.proxy.replace(':443 ', ':444 ')] }))).toMatchObject({
      reason: 'another-target',
    });
    expect(why(logs({ proxy: [lines.proxy.replace('1795362445.652', '1795362444.652')] }))).toMatchObject({
      reason: 'stale',
    });
    expect(why(logs({ origin: [originLine({ http_user_agent: userAgent('other') })] }))).toMatchObject({
      reason: 'another-client',
      why: containing('other'),
    });
    expect(why(logs({ origin: [originLine({ http_user_agent: 'curl' })] }))).toMatchObject({
      why: containing('no trip'),
    });
  });

  it("takes no older line of the same page for this one's, however short the time between them", () => {
    // The request before, of the same pod: same page, same bytes, over 1 ms before this one's connection began.
    const before =
      '1795362445.643     20 10.42.0.7 TCP_TUNNEL/200 2085 CONNECT en.wikipedia.org:443 - HIER_DIRECT/10.42.0.4 -';
    const after =
      '1795362445.683     20 10.42.0.7 TCP_TUNNEL/200 2085 CONNECT en.wikipedia.org:443 - HIER_DIRECT/10.42.0.4 -';
    const alone = correlate(
      observation({ lines: { sidecar: [lines.sidecar], proxy: [before, after], origin: undefined } }),
    );
    expect(alone.proxy).toEqual([]);
    expect(alone.unmatched.map(({ reason }) => reason)).toEqual(['stale', 'late']);
    const all = correlate(
      observation({
        lines: { sidecar: [lines.sidecar], proxy: [before, lines.proxy, after], origin: undefined },
      }),
    );
    expect(all.proxy?.map((one) => one.line)).toEqual([lines.proxy]);
    expect(all.ambiguities).toEqual([]);
  });

  it('prefers the line with the right bytes, and credits another only where there is none', () => {
    const other = lines.proxy.replace(' 2085 ', ' 9999 ');
    const both = correlate(
      observation({ lines: { sidecar: [lines.sidecar], proxy: [other, lines.proxy], origin: undefined } }),
    );
    expect(both.proxy?.map((one) => one.bytes)).toEqual([2085]);
    expect(both.unmatched).toMatchObject([{ reason: 'surplus', line: other }]);
    const lone = correlate(
      observation({ lines: { sidecar: [lines.sidecar], proxy: [other], origin: undefined } }),
    );
    expect(lone.proxy?.map((one) => one.bytes)).toEqual([9999]);
  });

  it("knows Squid 3.5's size, without its CONNECT answer, for the same bytes", () => {
    const trip = correlate(
      observation({
        lines: {
          sidecar: [lines.sidecar],
          proxy: [lines.proxy.replace(' 2085 ', ' 2046 '), lines.proxy.replace(' 2085 ', ' 2047 ')],
          origin: undefined,
        },
      }),
    );
    expect(trip.proxy?.map((one) => one.bytes)).toEqual([2046]);
  });

  it('finds the sidecar by pod and proxy when curl left no address', () => {
    const killed = client({ local: undefined, remote: undefined, exitCode: 137 });
    expect(correlate(observation({ client: killed })).sidecar).toHaveLength(1);
    const elsewhere = lines.sidecar.replace(
      '10.42.0.5:3128 10.42.0.7:43630',
      '10.42.0.9:3128 10.42.0.7:43630',
    );
    expect(
      correlate(observation({ client: killed, ...logs({ sidecar: [elsewhere] }) })).unmatched,
    ).toMatchObject([{ reason: 'another-target' }]);
    const another = lines.sidecar.replace('10.42.0.7:43630', '10.42.0.8:43630');
    expect(
      correlate(observation({ client: killed, ...logs({ sidecar: [another] }) })).unmatched,
    ).toMatchObject([{ reason: 'another-client' }]);
  });

  it('credits every line of the origin that has the trip id', () => {
    const trip = correlate(
      observation({ ...logs({ origin: [originLine(), originLine({ remote_port: '1' })] }) }),
    );
    expect(trip.origin).toHaveLength(2);
  });

  it('judges a baseline by its page and its times, as there is nothing else', () => {
    const baseline = (proxyLines: readonly string[]) =>
      correlate(observation({ lines: { sidecar: undefined, proxy: proxyLines, origin: undefined } }));
    const small = lines.proxy.replace(' 2085 ', ' 100 ');
    expect(baseline([small, lines.proxy]).proxy?.map((one) => one.bytes)).toEqual([2085]);
    expect(baseline([small]).proxy?.map((one) => one.bytes)).toEqual([100]);
    const slow = lines.proxy.replace('     7 ', '   280 ');
    const late = lines.proxy.replace('5.652', '6.100');
    expect(baseline([slow, late, lines.proxy]).proxy?.map((one) => one.line)).toEqual([lines.proxy]);
  });

  it('honours the tolerances given', () => {
    const late = lines.sidecar.replace('15:47:25', '15:47:26');
    expect(
      correlate(observation({ tolerances: { clockSkewMs: 2000 }, ...logs({ sidecar: [late] }) })).sidecar,
    ).toHaveLength(1);
  });
});

describe('attribute', () => {
  const second = (port: number, changes = {}) =>
    observation({ id: 'trip-2', client: client({ local: { ip: '10.42.0.7', port }, ...changes }) });

  it("says to both that one line could be either's", () => {
    const both = [lines.sidecar, lines.sidecar.replace('43630', '43640')];
    const logs = { sidecar: both, proxy: [lines.proxy], origin: undefined };
    const trips = attribute([observation({ lines: logs }), { ...second(43640), lines: logs }]);
    expect(trips.map((trip) => trip.sidecar?.[0]?.downstreamRemote?.port)).toEqual([43630, 43640]);
    expect(trips.flatMap((trip) => trip.proxy ?? [])).toHaveLength(1);
    expect(trips.map((trip) => trip.ambiguities)).toMatchObject([
      [{ witness: 'proxy', rivals: ['trip-2'], lines: [lines.proxy], harmless: false }],
      [{ witness: 'proxy', rivals: ['trip-1'], harmless: false }],
    ]);
  });

  it('says when it cannot matter which line is whose', () => {
    const logs = (proxy: readonly string[]) => ({
      sidecar: [lines.sidecar, lines.sidecar.replace('43630', '43640')],
      proxy,
      origin: undefined,
    });
    const harmless = (proxy: readonly string[]) =>
      attribute([observation({ lines: logs(proxy) }), { ...second(43640), lines: logs(proxy) }]).map((trip) =>
        trip.ambiguities.map((one) => one.harmless),
      );
    // The same text twice is two lines: two requests can end in the same millisecond.
    expect(harmless([lines.proxy, lines.proxy])).toEqual([[true], [true]]);
    expect(harmless([lines.proxy, lines.proxy.replace('10.42.0.4', '10.42.0.9')])).toEqual([
      [false],
      [false],
    ]);
    expect(harmless([lines.proxy, lines.proxy, lines.proxy])).toEqual([[true], [true]]);
  });

  it("gives a line with a client's own port to that client, whoever else is near", () => {
    const killed = client({ local: undefined, remote: undefined, exitCode: 137, startedAt: startedAt - 1 });
    const logs = { sidecar: [lines.sidecar], proxy: [], origin: undefined };
    const [first, other] = attribute([
      observation({ id: 'trip-2', client: killed, lines: logs }),
      observation({ lines: logs }),
    ]);
    expect(first?.sidecar).toEqual([]);
    expect(other?.sidecar).toHaveLength(1);
    expect(other?.ambiguities).toEqual([]);
  });

  it('does not guess between two clients that left no address', () => {
    const killed = client({ local: undefined, remote: undefined, exitCode: 137 });
    const logs = {
      sidecar: [lines.sidecar, lines.sidecar.replace('43630', '43640')],
      proxy: [],
      origin: undefined,
    };
    const trips = attribute([
      observation({ client: killed, lines: logs }),
      observation({ id: 'trip-2', client: killed, lines: logs }),
    ]);
    expect(trips.map((trip) => trip.ambiguities)).toMatchObject([
      [{ witness: 'sidecar', harmless: false }],
      [{ witness: 'sidecar', harmless: false }],
    ]);
  });

  it('reads a line that two observations have seen as one', () => {
    const logs = { sidecar: [lines.sidecar], proxy: [lines.proxy], origin: undefined };
    const later = client({ local: { ip: '10.42.0.7', port: 43640 } });
    const [first, other] = attribute([
      observation({ lines: logs }),
      observation({ id: 'trip-2', client: later, lines: logs }),
    ]);
    expect(first?.proxy).toHaveLength(1);
    expect(other?.sidecar).toEqual([]);
    expect(other?.proxy).toEqual([]);
    // What is another trip's is no evidence for this one.
    expect(other?.unmatched).toEqual([]);
  });

  it("credits nothing that came before a trip's cursor", () => {
    const [trip] = attribute([
      observation({ lines: { sidecar: [], proxy: [], origin: [] } }),
      { ...observation(), id: 'trip-2' },
    ]);
    expect(trip).toMatchObject({ sidecar: [], proxy: [], origin: [] });
  });

  it('refuses two trips with one id', () => {
    expect(() => attribute([observation(), observation()])).toThrow(/same trip id/);
  });

  it('is content with nothing', () => {
    expect(attribute([])).toEqual([]);
  });
});
