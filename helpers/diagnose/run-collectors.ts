import { messageOf } from '../errors.ts';
import { late, orLate } from '../eventually/deadline.ts';
import type { Collected, Collector, EvidenceFile } from './collector.ts';

export interface CollectionLimits {
  /** How many collect at the same time. */
  readonly concurrency: number;
  /** After this time all that has not come is given up. */
  readonly timeoutMs: number;
  /** After this time one collector is given up, so that those behind it get their turn. */
  readonly eachMs: number;
}

/**
 * Runs all collectors and those they find, and writes what they give. Never throws: whatever goes wrong with one is
 * its row's problem. Nothing is written after it returns, also when a collector that was given up ends later.
 */
export async function runCollectors(
  collectors: readonly Collector[],
  write: (file: string, text: string) => Promise<void>,
  limits: CollectionLimits,
): Promise<EvidenceFile[]> {
  const end = performance.now() + limits.timeoutMs;
  const inTurn = turns(limits.concurrency);

  async function run(collector: Collector): Promise<EvidenceFile[]> {
    const { file, what } = collector;
    let collected: Collected | undefined;
    try {
      collected = await inTurn(async () => {
        const result = await collectInTime(collector, end, limits);
        if (result !== undefined) await write(file, result.text);
        return result;
      });
    } catch (error) {
      return [{ file, what, problem: messageOf(error) }];
    }
    if (collected === undefined) return [];
    const { note, more = [] } = collected;
    const found = await Promise.all(more.map(run));
    return [{ file, what: note === undefined ? what : `${what} (${note})` }, ...found.flat()];
  }

  return (await Promise.all(collectors.map(run))).flat();
}

async function collectInTime(
  { collect }: Collector,
  end: number,
  { timeoutMs, eachMs }: CollectionLimits,
): Promise<Collected | undefined> {
  const remaining = end - performance.now();
  const tooLate = `not collected within ${timeoutMs / 1000} s`;
  if (remaining <= 0) throw new Error(tooLate);
  const abandoned = new AbortController();
  try {
    // Wrapped, since a collector may throw before it gives a promise.
    const work = Promise.resolve().then(() => collect(abandoned.signal));
    const result = await orLate(work, Math.min(remaining, eachMs));
    if (result === late)
      throw new Error(remaining <= eachMs ? tooLate : `no answer within ${eachMs / 1000} s`);
    return result;
  } finally {
    abandoned.abort();
  }
}

/** Lets `size` pieces of work run at a time, in the order they came. */
function turns(size: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let free = size;
  return async (work) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}
