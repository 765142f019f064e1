import { describe, expect, it } from 'vitest';
import { accountOf } from './account-of.ts';
import { soundPods, trafficOf } from '../../tests/samples/traffic.ts';
import { trafficLines } from './traffic-lines.ts';

const [kept, restarted] = soundPods();

describe('trafficLines', () => {
  it('is a table by workload and kind, and the sums side by side', () => {
    expect(trafficLines(accountOf(trafficOf([kept, restarted])))).toMatchInlineSnapshot(`
      [
        "                      opened  completed  refused  cut  lost  astray  longest gap",
        "  kept requests           40         40        0    0     0       0  0.3 s at 05:00:01.020 (before)",
        "  kept tunnels             2          2        0    0     0       0  392 exchanges",
        "  restarted requests      40         40        0    0     0       0  0.3 s at 05:00:01.020 (before)",
        "  restarted tunnels        2          2        0    0     0       0  392 exchanges",
        "  connections: clients 84, sidecars 84, Squid 84",
      ]
    `);
  });

  it('tells what happened, a line each', () => {
    const trips = [
      ...kept.trips,
      { at: 21_000, port: 45_000, silent: ['proxy'] as const },
      { at: 22_000, port: 45_001, flags: 'UF', fails: { exit: 56, connect: 0, words: 'Recv failure' } },
    ];
    const lines = trafficLines(accountOf(trafficOf([{ ...kept, trips, closed: undefined }, restarted])));
    expect(lines.slice(5)).toMatchInlineSnapshot(`
      [
        "  connections: clients 86, sidecars 86 (1 of them made no upstream connection), Squid 84",
        "  lost (proxy silent): kept-abc requests, 05:00:21.020 (upgrade): no line in Squid's access log",
        "  refused: kept-abc requests, 05:00:22.000 (upgrade): curl 56: Recv failure; the sidecar: UF",
        "  cut: kept-abc tunnels, 05:00:49.771 ×2 until 05:00:49.772 (after): the client itself ended without a word",
        "  not read whole: requests of kept-abc: its last word is missing; it was killed, or ended by itself",
        "  not read whole: tunnels of kept-abc: its last word is missing; it was killed, or ended by itself",
      ]
    `);
  });

  it('is short, whatever happened', () => {
    const account = accountOf(trafficOf([kept, restarted]));
    const one = { what: 'cut', workload: 'kept', pod: 'kept-abc', count: 1, restarted: false } as const;
    const events = Array.from({ length: 40 }, (_, index) => ({
      ...one,
      ...{ at: account.startedAt, until: account.startedAt, phase: `phase ${index}`, why: 'x' },
    }));
    const lines = trafficLines({ ...account, events });
    expect(lines).toHaveLength(19);
    expect(lines.at(-1)).toBe('  … and 28 more, in results.json');
  });
});
