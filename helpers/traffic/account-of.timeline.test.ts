import { describe, expect, it } from 'vitest';
import { accountOf } from './account-of.ts';
import { begin, soundPods, trafficOf } from '../../tests/samples/traffic.ts';

const [kept, restarted] = soundPods();
const sum = (counts: readonly number[] | undefined): number => (counts ?? []).reduce((a, b) => a + b, 0);

describe('the time line of live traffic', () => {
  it('has an interval a second, and the sums of the account', () => {
    const { timeline, clients } = accountOf(trafficOf([kept, restarted]));
    expect(timeline?.stepMs).toBe(1000);
    for (const series of timeline?.series ?? []) {
      expect(series.opened).toHaveLength(60);
      const mine = clients.filter(({ workload }) => workload === series.workload);
      expect(sum(series.opened)).toBe(sum(mine.map(({ opened }) => opened)));
      expect(sum(series.completed)).toBe(sum(mine.map(({ completed }) => completed)));
    }
  });

  it('counts requests where they began and ended, and tunnels as long as they are open', () => {
    const [of] = accountOf(trafficOf([kept, restarted])).timeline?.series ?? [];
    // Four requests a second from 1 s on, two tunnels from 1 s to 50 s.
    expect(of?.opened.slice(0, 4)).toEqual([0, 6, 4, 4]);
    expect(of?.tunnels.slice(0, 2)).toEqual([0, 2]);
    expect(of?.tunnels.slice(48)).toEqual([2, 2, ...Array.from({ length: 10 }, () => 0)]);
  });

  it('counts a failure when it happened, and what lies outside in the first or last interval', () => {
    const fails = { exit: 56, connect: 0, words: 'reset' };
    const trips = [
      { at: 30_500, port: 41_000, fails },
      { at: 90_000, port: 41_001, fails },
    ];
    const { timeline } = accountOf(
      trafficOf([{ ...kept, trips: [...kept.trips, ...trips] }, restarted], { endedAt: begin + 60_000 }),
    );
    const [of] = timeline?.series ?? [];
    expect(of?.refused.flatMap((count, second) => (count === 0 ? [] : [second]))).toEqual([30, 59]);
  });
});
