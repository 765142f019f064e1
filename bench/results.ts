import type { Peak } from './memory.ts';

/** The middle of some figures; of an even number of them the mean of the two in the middle. NaN of none. */
export function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? NaN) + (sorted[Math.ceil(middle)] ?? NaN)) / 2;
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function spreadOf(figures: readonly number[]): Spread {
  return { median: median(figures), min: Math.min(...figures), max: Math.max(...figures) };
}

/**
 * Each pair's second figure by its first. Pairs were measured one right after the other, so what slows the machine down
 * for a while slows both.
 */
export function ratiosOf(pairs: readonly (readonly [number, number])[]): number[] {
  return pairs.map(([first, second]) => second / first);
}

/** Both are bench/baseline.sh: the quick one has every trick of the suite's, and is the harder rival. */
export const rivals = ['script-quick', 'script'] as const;
export type Rival = (typeof rivals)[number];
export const subjects = [...rivals, 'suite'] as const;
export type Subject = (typeof subjects)[number];
export const modes = ['cold', 'warm'] as const;
export type Mode = (typeof modes)[number];

/** One part of a run and how long it took. */
export interface Part {
  readonly title: string;
  readonly durationMs: number;
}

/** What a run that was measured took. */
export interface Figures extends Readonly<Peak> {
  readonly startedAt: string;
  readonly durationMs: number;
}

export interface Sample extends Figures {
  readonly subject: Subject;
  readonly mode: Mode;
  /** Samples of the same round were measured one right after the other. */
  readonly round: number;
  readonly parts: readonly Part[];
}

/** What bench/results.json holds. Durations in milliseconds, sizes in bytes. */
export interface BenchResults {
  readonly measuredAt: string;
  readonly machine: Readonly<Record<string, string | number>>;
  readonly versions: Readonly<Record<string, string>>;
  readonly rounds: number;
  /** The suite's duration by its rival's, in each round. */
  readonly ratios: Partial<Record<Mode, Partial<Record<Rival, Spread>>>>;
  readonly durationMs: Partial<Record<Mode, Record<Subject, Spread>>>;
  /** The measurements before this one, the oldest first. */
  readonly earlier?: readonly Pick<BenchResults, 'measuredAt' | 'rounds' | 'ratios'>[];
  readonly samples: readonly Sample[];
}
