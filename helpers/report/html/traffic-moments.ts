import type { TrafficAccount } from '../../traffic/account.ts';
import type { Results } from '../../results/results.ts';

/** Something an upgrade did while the traffic flowed. */
export interface Moment {
  /** As it is marked in the plot, from 1. */
  readonly number: number;
  readonly id: string;
  readonly title: string;
  readonly status: Results['steps'][number]['status'];
  /** ms after the traffic's beginning. */
  readonly fromMs: number;
  readonly untilMs: number;
}

/** A phase of the gate as the traffic met it. */
export interface Band {
  /** As it is marked in the plot: A, B, … */
  readonly letter: string;
  readonly name: string;
  readonly fromMs: number;
  readonly untilMs: number;
}

/** The upgrade's operations during the traffic, in the order of time and by the traffic's clock, the node's. */
export function momentsOf(run: Results, traffic: TrafficAccount): Moment[] {
  const begin = Date.parse(traffic.startedAt) - (traffic.clockOffsetMs ?? 0);
  const length = lengthMs(traffic);
  return run.steps
    .filter(({ section, id, status }) => section === 'upgrade' && changes.test(id) && status !== 'skipped')
    .flatMap(({ id, title, status, startedAt, durationMs }) => {
      if (startedAt === undefined) return [];
      const fromMs = Date.parse(startedAt) - begin;
      return fromMs < 0 || fromMs > length
        ? []
        : [{ id, title, status, fromMs, untilMs: fromMs + durationMs }];
    })
    .sort((a, b) => a.fromMs - b.fromMs)
    .map((moment, index) => ({ number: index + 1, ...moment }));
}

/** Operations that change the mesh; the others write down or judge. */
const changes = /^(?:UPGRADE|RESTART|ROLLBACK)-/;

/** The phases that the traffic lived through. */
export function bandsOf(traffic: TrafficAccount): Band[] {
  const begin = Date.parse(traffic.startedAt);
  const starts = traffic.phases.map(({ startedAt }) => Math.max(0, Date.parse(startedAt) - begin));
  return traffic.phases.map(({ name }, index) => ({
    letter: String.fromCodePoint(0x41 + (index % 26)),
    name,
    fromMs: starts[index] ?? 0,
    untilMs: starts[index + 1] ?? lengthMs(traffic),
  }));
}

export function lengthMs({ startedAt, endedAt }: TrafficAccount): number {
  return Math.max(1, Date.parse(endedAt) - Date.parse(startedAt));
}
