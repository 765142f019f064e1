import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accountOf, type TrafficLogs } from './account-of.ts';
import { parseSidecarLine, type ReadSidecarLine } from '../trip/envoy.ts';
import { isFailure } from '../trip/statements.ts';
import { trafficAccount, type TrafficAccount } from './account.ts';
import { findingsOf } from './findings.ts';
import {
  begin,
  requests,
  soundPods,
  trafficOf,
  tunnels,
  type SamplePod,
  type SampleTrip,
} from '../../tests/samples/traffic.ts';

const [kept, restarted] = soundPods();

/** The account of sound traffic in which the pod of `kept` also has these trips. */
function plus(...trips: SampleTrip[]): TrafficAccount {
  return accountOf(trafficOf([{ ...kept, trips: [...kept.trips, ...trips] }, restarted]));
}

function causes(account: TrafficAccount): string[] {
  return findingsOf(account).map(({ cause }) => cause);
}

describe('accountOf sound traffic', () => {
  const account = accountOf(trafficOf([kept, restarted]));

  it('is what the schema says, and has nothing to object to', () => {
    expect(trafficAccount.parse(account)).toEqual(account);
    expect(account.events).toEqual([]);
    expect(account.unread).toEqual([]);
    expect(findingsOf(account)).toEqual([]);
  });

  it('counts trips by client, and the three that saw them side by side', () => {
    expect(account.clients).toContainEqual({
      ...{ workload: 'kept', kind: 'requests', pods: 1, opened: 40, completed: 40, exchanges: 40 },
      ...{ refused: 0, cut: 0, lost: 0, astray: 0, refusedAtStart: 0 },
    });
    expect(account.clients).toContainEqual({
      ...{ workload: 'restarted', kind: 'tunnels', pods: 1, opened: 2, completed: 2, exchanges: 392 },
      ...{ refused: 0, cut: 0, lost: 0, astray: 0, refusedAtStart: 0 },
    });
    expect(account.sums).toEqual({ client: 84, sidecar: 84, proxy: 84, endedAtSidecar: 0 });
  });

  it('counts a trip as opened in the phase it began in, and as completed in the one it ended in', () => {
    const [before, upgrade, after] = account.phases;
    expect(before).toMatchObject({ name: 'before', opened: 84, completed: 80 });
    expect(upgrade).toMatchObject({ name: 'upgrade', opened: 0, completed: 0 });
    expect(after).toMatchObject({ name: 'after', opened: 0, completed: 4 });
  });

  it('reads lines by the formats that sidecars have, of which one may follow another', () => {
    const logs = trafficOf([kept, restarted]);
    const pods = logs.pods.map((pod) => ({
      ...pod,
      sidecar: pod.sidecar.map((line, index) => (index < 20 ? line : `corp ${line}`)),
    }));
    const corp: ReadSidecarLine = (line) => parseSidecarLine(line.replace(/^corp /, ''));
    expect(accountOf({ ...logs, pods }).events).not.toEqual([]);
    expect(accountOf({ ...logs, pods, readers: [parseSidecarLine, corp] })).toEqual(account);
  });

  it('takes what a format does not tell for nothing', () => {
    const logs = trafficOf([kept, restarted]);
    const short: ReadSidecarLine = (line) => {
      const read = parseSidecarLine(line);
      if (isFailure(read)) return read;
      const untold = ['downstreamLocal', 'upstreamHost', 'duration', 'responseFlags'] as const;
      return {
        ...{
          ...read,
          downstreamLocal: undefined,
          upstreamHost: undefined,
          durationMs: 0,
          responseFlags: '-',
        },
        untold,
      };
    };
    expect(accountOf({ ...logs, readers: [short] })).toEqual(account);
  });

  it('does without a proxy that tells nothing', () => {
    const two = accountOf({ ...trafficOf([kept, restarted]), squid: undefined });
    expect(findingsOf(two)).toEqual([]);
    expect(two.sums).toEqual({ client: 84, sidecar: 84, endedAtSidecar: 0 });
  });

  it('takes the size that Squid before 4 logs', () => {
    const old: SampleTrip[] = kept.trips.map((trip) => ({
      ...trip,
      squidBytes: (trip.bytes ?? 2200) - 39,
    }));
    expect(accountOf(trafficOf([{ ...kept, trips: old }, restarted])).events).toEqual([]);
  });

  describe('of an application that asks before it has had a page', () => {
    const early = (sidecarFirst: boolean): TrafficAccount => {
      const fails = { exit: 56, connect: 0, words: 'reset' };
      const warm: SampleTrip[] = [
        { of: 'warm', at: 100, port: 39_000, flags: 'UF', fails },
        { of: 'warm', at: 300, port: 39_001 },
      ];
      return accountOf(trafficOf([{ ...kept, sidecarFirst, trips: [...warm, ...kept.trips] }, restarted]));
    };

    it('counts what was refused, and does not mistake its lines for lost ones', () => {
      const { events, sums, clients } = early(false);
      expect(events).toEqual([]);
      expect(sums).toEqual(account.sums);
      expect(clients).toContainEqual(
        expect.objectContaining({ workload: 'kept', kind: 'requests', opened: 40, refusedAtStart: 1 }),
      );
    });

    it('takes a refusal for one of the upgrade where the sidecar was ready before it', () => {
      const { events, clients } = early(true);
      expect(events).toMatchObject([
        {
          what: 'refused',
          workload: 'kept',
          kind: 'requests',
          count: 1,
          why: "at the application's start, after its sidecar was ready: curl 56: reset; the sidecar: UF",
        },
      ]);
      expect(clients[0]).toMatchObject({ opened: 40, refused: 0, refusedAtStart: 1 });
      expect(findingsOf(early(true))[0]?.cause).toBe('TRAFFIC_REFUSED');
    });
  });

  it('does not mistake the lines of other clients of the same proxy', () => {
    const logs = trafficOf([kept, restarted]);
    const strangers = trafficOf([{ ...kept, ip: '10.42.0.99' }]);
    expect(accountOf({ ...logs, squid: [...strangers.squid, ...logs.squid] })).toEqual(account);
  });
});

describe('accountOf traffic in which something happened', () => {
  it('tells of a tunnel that was cut, with moment, phase and pod', () => {
    const account = plus({
      of: 'tunnel-3',
      at: 5000,
      lastsMs: 20_000,
      port: 51_000,
      bytes: 700,
      fails: { exit: 56, connect: 200, words: 'Recv failure: Connection reset by peer' },
    });
    expect(account.events).toEqual([
      expect.objectContaining({
        ...{ what: 'cut', workload: 'kept', kind: 'tunnels', pod: 'kept-abc', count: 1, restarted: false },
        ...{ at: '2026-11-24T05:00:24.750Z', phase: 'upgrade' },
        why: 'curl 56: Recv failure: Connection reset by peer',
      }),
    ]);
    expect(account.phases[1]).toMatchObject({ cut: 1 });
    expect(causes(account)).toEqual(['TRAFFIC_CUT']);
  });

  it('tells of a tunnel that curl replaced by another without a word', () => {
    const account = plus(
      { of: 'tunnel-3', at: 5000, lastsMs: 20_000, port: 51_000, bytes: 700 },
      { of: 'tunnel-3', at: 25_250, lastsMs: 10_000, port: 51_001, bytes: 400 },
    );
    expect(account.events).toMatchObject([{ what: 'cut', phase: 'upgrade' }]);
    expect(
      account.clients.find(({ workload, kind }) => workload === 'kept' && kind === 'tunnels'),
    ).toMatchObject({ opened: 4, completed: 3, cut: 1 });
  });

  it('tells of requests without a way to the proxy, the same in a row as one event', () => {
    const refused = requests(5, 21_000, 45_000).map((trip) => ({
      ...trip,
      flags: 'UF,URX',
      fails: { exit: 56, connect: 0, words: 'Recv failure' },
    }));
    const account = plus(...refused);
    expect(account.events).toMatchObject([
      { what: 'refused', count: 5, phase: 'upgrade', why: 'curl 56: Recv failure; the sidecar: UF,URX' },
    ]);
    expect(account.sums).toEqual({ client: 89, sidecar: 89, proxy: 84, endedAtSidecar: 5 });
    expect(causes(account)).toEqual(['TRAFFIC_REFUSED']);
  });

  it('tells of an answer that is not the page', () => {
    const account = plus({
      at: 21_000,
      port: 45_000,
      fails: { exit: 22, connect: 200, status: 503, words: 'The requested URL returned error: 503' },
    });
    expect(account.events).toMatchObject([{ what: 'refused', count: 1 }]);
    expect(account.events[0]?.why).toContain('503');
  });

  it('tells of a request that went by another cluster, though it had its page', () => {
    const account = plus({ at: 21_000, port: 45_000, cluster: 'PassthroughCluster' });
    expect(account.events).toMatchObject([
      { what: 'astray', phase: 'upgrade', why: 'the sidecar sent it to PassthroughCluster' },
    ]);
    expect(account.clients[0]).toMatchObject({ opened: 41, completed: 41, astray: 1 });
    expect(causes(account)).toEqual(['TRAFFIC_LOST']);
  });

  it('tells of other bytes in Squid than in the sidecar', () => {
    const account = plus({ at: 21_000, port: 45_000, squidBytes: 2100 });
    expect(account.events).toMatchObject([{ what: 'lost', where: 'proxy' }]);
    expect(account.events[0]?.why).toContain('other bytes');
  });

  it.each(['client', 'sidecar', 'proxy'] as const)('tells when the %s is silent', (where) => {
    const account = plus({ at: 21_000, port: 45_000, bytes: 2345, silent: [where] });
    expect(account.events).toMatchObject([{ what: 'lost', where, phase: 'upgrade' }]);
    const { client, sidecar, proxy } = account.sums;
    expect({ client, sidecar, proxy }).toEqual({ client: 85, sidecar: 85, proxy: 85, [where]: 84 });
    expect(causes(account)).toEqual(['TRAFFIC_LOST']);
  });

  it('tells of a connection that went to the proxy round the sidecar', () => {
    const account = plus({ at: 21_000, port: 45_000, silent: ['sidecar', 'client'] });
    expect(account.events).toMatchObject([{ what: 'lost', where: 'client' }]);
  });

  it('does not take the same port at another time for the same connection', () => {
    const account = plus({ at: 40_000, port: 40_000, silent: ['sidecar'] });
    expect(account.events).toMatchObject([{ what: 'lost', where: 'sidecar', phase: 'after' }]);
  });

  it('does not take the line of a later connection from the same port for its own', () => {
    const account = plus(
      { at: 5000, port: 45_000, bytes: 2345, silent: ['sidecar'] },
      { at: 40_000, port: 45_000, bytes: 2345, silent: ['client'] },
    );
    expect(account.events).toMatchObject([
      { what: 'lost', where: 'sidecar', phase: 'before' },
      { what: 'lost', where: 'client', phase: 'after' },
    ]);
  });

  it('does not take a line of Squid that ended long after the connection for its own', () => {
    const logs = trafficOf([kept, restarted]);
    const late = trafficOf([
      { ...kept, trips: [{ at: 1000, port: 40_000, lastsMs: 15_000, silent: ['client', 'sidecar'] }] },
    ]);
    const account = accountOf({ ...logs, squid: [...logs.squid.slice(1), ...late.squid] });
    expect(account.events).toMatchObject([
      { what: 'lost', where: 'proxy', phase: 'before' },
      { what: 'lost', where: 'client', phase: 'before' },
    ]);
  });

  it('finds exactly the line that is missing, whichever it is', () => {
    const sound = trafficOf([kept, restarted]);
    fc.assert(
      fc.property(fc.constantFrom('sidecar', 'proxy'), fc.nat(41), fc.nat(1), (where, index, pod) => {
        const without = (lines: readonly string[], at: number): string[] =>
          lines.filter((_, here) => here !== at);
        const changes: Partial<TrafficLogs> =
          where === 'proxy'
            ? { squid: without(sound.squid, index + pod * 42) }
            : {
                pods: sound.pods.map((one, here) =>
                  here === pod ? { ...one, sidecar: without(one.sidecar, index) } : one,
                ),
              };
        const { events } = accountOf({ ...sound, ...changes });
        expect(events).toMatchObject([
          { what: 'lost', where, workload: pod === 0 ? 'kept' : 'restarted', count: 1 },
        ]);
      }),
      { numRuns: 40 },
    );
  });

  it('tells what a pod suffered that was told to end', () => {
    const account = accountOf(
      trafficOf([
        kept,
        {
          ...restarted,
          trips: [
            ...requests(40),
            ...tunnels(1000, 51_000).map((trip) => ({
              ...trip,
              fails: { exit: 7, connect: 0, words: "Couldn't connect to server" },
            })),
          ],
        },
      ]),
    );
    expect(account.events).toMatchObject([
      { what: 'cut', workload: 'restarted', restarted: true, count: 2, phase: 'after' },
    ]);
  });
});

describe('accountOf logs that do not say enough', () => {
  it('reports a client that was killed, and its tunnels as cut', () => {
    const account = accountOf(trafficOf([{ ...kept, closed: undefined }, restarted]));
    expect(account.unread).toEqual([
      expect.stringContaining('requests of kept-abc: its last word is missing'),
      expect.stringContaining('tunnels of kept-abc: its last word is missing'),
    ]);
    expect(account.events).toMatchObject([{ what: 'cut', count: 2 }]);
  });

  it.each([
    ['[2026-11-24T05:00:01.000Z] one two', /none of the default formats/],
    ['2026-11-24T05:00:01.000Z outbound 2200', /its log ends with: 2026-11-24T05:00:01.000Z outbound 2200/],
    ['{"start_time":"x","odd":1}', /./],
  ])('reports trips as lost, and why, where the access log reads %s', (line, why) => {
    const logs = trafficOf([kept, restarted]);
    const pods = logs.pods.map((pod) =>
      pod.workload === 'kept' ? { ...pod, sidecar: pod.sidecar.map(() => line) } : pod,
    );
    const account = accountOf({ ...logs, pods });
    const lost = account.events.filter(({ what }) => what === 'lost');
    expect(lost.reduce((sum, { count }) => sum + count, 0)).toBe(42);
    expect(lost[0]).toMatchObject({ where: 'sidecar', workload: 'kept' });
    expect(lost[0]?.why).toContain('that could be read');
    expect(lost[0]?.why).toMatch(why);
    expect(causes(account)).toContain('TRAFFIC_LOST');
  });

  it("reports Squid's lines that cannot be read", () => {
    const logs = trafficOf([kept, restarted]);
    const account = accountOf({ ...logs, squid: logs.squid.map((line) => `${line} more`) });
    expect(account.unread).toEqual([expect.stringContaining("84 lines of Squid's access log")]);
    expect(account.events.length).toBeGreaterThan(0);
  });

  it('never passes when there was nothing', () => {
    const account = accountOf(trafficOf([]));
    expect(account.gaps).toEqual([]);
    expect(causes(account)).toEqual(['TRAFFIC_LOST']);
    const idle: SamplePod = { ...kept, trips: tunnels() };
    expect(causes(accountOf(trafficOf([idle, restarted])))).toEqual(['TRAFFIC_LOST']);
  });

  it('gives the gap to the phase that it began in', () => {
    const trips = [...requests(20, 1000), ...requests(20, 25_000, 41_000), ...tunnels()];
    const account = accountOf(trafficOf([{ ...kept, trips }, restarted]));
    expect(account.gaps[0]).toEqual({
      workload: 'kept',
      ms: 19_250,
      from: new Date(begin + 5770).toISOString(),
      until: new Date(begin + 25_020).toISOString(),
      phase: 'before',
    });
  });
});
