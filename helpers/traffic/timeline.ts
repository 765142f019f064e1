import type { TrafficTimeline } from './account.ts';
import type { Crossing } from './counterparts.ts';
import type { ClientTrip } from './trips.ts';

/** A second shows a pod's restart; shorter, the two or three requests of an interval would be noise. */
const stepMs = 1000;

/**
 * Counts of what became of the trips, second by second: what a plot of live traffic is drawn from. What lies outside
 * of the account's time is counted in its first or last interval, so that the sums are those of the account.
 * @param startedAt ms since the epoch by the node's clock, as `endedAt`
 */
export function timelineOf(
  startedAt: number,
  endedAt: number,
  crossings: readonly Pick<Crossing, 'pod' | 'trip'>[],
): TrafficTimeline {
  const intervals = Math.max(1, Math.ceil((endedAt - startedAt) / stepMs));
  const indexOf = (at: number): number =>
    Math.min(intervals - 1, Math.max(0, Math.floor((at - startedAt) / stepMs)));
  const series = (['kept', 'restarted'] as const).map((workload) => {
    const counts = (): number[] => Array.from({ length: intervals }, () => 0);
    const all = {
      opened: counts(),
      completed: counts(),
      refused: counts(),
      cut: counts(),
      tunnels: counts(),
    };
    const count = (what: keyof typeof all, at: number): void => {
      const index = indexOf(at);
      all[what][index] = (all[what][index] ?? 0) + 1;
    };
    for (const trip of tripsOf(crossings, workload)) {
      count('opened', trip.startedAt);
      count(trip.outcome, trip.failedAt ?? trip.endedAt);
      if (trip.kind === 'requests') continue;
      const last = indexOf(trip.endedAt);
      for (let index = indexOf(trip.startedAt); index <= last; index += 1)
        count('tunnels', startedAt + index * stepMs);
    }
    return { workload, ...all };
  });
  return { stepMs, series };
}

function tripsOf(
  crossings: readonly Pick<Crossing, 'pod' | 'trip'>[],
  workload: Crossing['pod']['workload'],
): ClientTrip[] {
  return crossings.flatMap(({ pod, trip }) =>
    pod.workload === workload && trip !== undefined ? [trip] : [],
  );
}
