import type { Spread } from './statistics.ts';

export const subjects = ['script', 'suite'] as const;
export type Subject = (typeof subjects)[number];
export const modes = ['cold', 'warm'] as const;
export type Mode = (typeof modes)[number];

/** One part of a run and how long it took. */
export interface Part {
  readonly title: string;
  readonly durationMs: number;
}

export interface Sample {
  readonly subject: Subject;
  readonly mode: Mode;
  /** Samples of the same round were measured one right after the other. */
  readonly round: number;
  readonly startedAt: string;
  readonly durationMs: number;
  readonly parts: readonly Part[];
  readonly runnerBytes: number | undefined;
  readonly nodeBytes: number | undefined;
  readonly nodeCpuSeconds: number | undefined;
}

/** What bench/results.json holds. Durations in milliseconds, sizes in bytes. */
export interface BenchResults {
  readonly measuredAt: string;
  readonly machine: Readonly<Record<string, string | number>>;
  readonly versions: Readonly<Record<string, string>>;
  readonly rounds: number;
  /** Medians over the rounds of suite / script. */
  readonly ratios: Partial<Record<Mode, number>>;
  readonly ratioSpread: Partial<Record<Mode, Spread>>;
  readonly durationMs: Partial<Record<Mode, Record<Subject, Spread>>>;
  /** The measurements before this one, the oldest first. */
  readonly earlier?: readonly Pick<BenchResults, 'measuredAt' | 'rounds' | 'ratios'>[];
  readonly samples: readonly Sample[];
}
