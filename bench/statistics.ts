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
