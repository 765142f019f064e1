import { describe, expect, it } from 'vitest';
import { longestGap } from './account-of.ts';
import type { ClientTrip, TripOutcome } from './trips.ts';

function trip(
  endedAt: number,
  outcome: TripOutcome = 'completed',
  changes: Partial<ClientTrip> = {},
): ClientTrip {
  return {
    ...{ kind: 'requests', warm: false, startedAt: endedAt - 20, endedAt, connection: undefined },
    ...{ exchanges: 1, outcome, failedAt: undefined, why: '' },
    ...changes,
  };
}

describe('longestGap', () => {
  it('lies between two good requests', () => {
    const trips = [100, 300, 900, 1100].map((at) => trip(at));
    expect(longestGap([{ trips }])).toEqual({ from: 300, until: 900 });
  });

  it('is not ended by a request that failed', () => {
    const trips = [trip(100), trip(300, 'refused'), trip(500, 'cut'), trip(700)];
    expect(longestGap([{ trips }])).toEqual({ from: 100, until: 700 });
  });

  it('is over as soon as any pod of the workload has a page', () => {
    const old = [100, 300, 1500].map((at) => trip(at));
    const fresh = [700, 1100].map((at) => trip(at));
    expect(longestGap([{ trips: old }, { trips: fresh }])).toEqual({ from: 300, until: 700 });
  });

  it('goes on to the end where nothing came any more, and counts from the beginning', () => {
    expect(longestGap([{ trips: [trip(100), trip(900, 'refused')] }])).toEqual({ from: 100, until: 900 });
    expect(longestGap([{ trips: [trip(100, 'refused'), trip(900)] }])).toEqual({ from: 80, until: 900 });
  });

  it('heeds neither tunnels nor what was before the first page', () => {
    const others = [trip(400, 'completed', { kind: 'tunnels' }), trip(500, 'completed', { warm: true })];
    expect(longestGap([{ trips: [trip(100), ...others, trip(900)] }])).toEqual({ from: 100, until: 900 });
  });

  it('is unknown where there was no request', () => {
    expect(longestGap([{ trips: [] }])).toBeUndefined();
  });
});
