import { messageOf } from '../errors.ts';
import { late, orLate } from '../eventually/eventually.ts';

/** One file of evidence. */
export interface Collector {
  /** Its path in the bundle's folder. */
  readonly file: string;
  readonly what: string;
  /**
   * Gives the text; undefined when there is nothing of the kind: the index has no row then.
   * @param signal aborted when the result is no longer wanted
   */
  readonly collect: (signal: AbortSignal) => Promise<Collected | undefined>;
}

export interface Collected {
  readonly text: string;
  /** What a reader must know of the text, e.g. that it was cut. */
  readonly note?: string | undefined;
  /** Further files that this one led to. */
  readonly more?: readonly Collector[] | undefined;
}

export interface EvidenceFile {
  /** Path in the bundle's folder; of a missing file, where it would be. */
  readonly file: string;
  readonly what: string;
  readonly problem?: string;
}

/** A file whose text needs no waiting. */
export function given(file: string, what: string, text: () => string | undefined): Collector {
  return {
    file,
    what,
    collect: () =>
      new Promise((resolve) => {
        const made = text();
        resolve(made === undefined ? undefined : { text: made });
      }),
  };
}

export interface CollectionLimits {
  /** How many collectors run at the same time. */
  readonly concurrency: number;
  /** After this time everything that is still missing is given up. */
  readonly timeoutMs: number;
  /** After this time one collector is given up, so that the next gets its turn. */
  readonly eachMs: number;
}

/**
 * Runs the collectors and those they lead to, and writes what they give. Never throws: an error becomes the row's
 * problem. Writes nothing after it returns, even when a collector that was given up ends later.
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
    // A collector may throw before it returns a promise.
    const work = Promise.resolve().then(() => collect(abandoned.signal));
    const result = await orLate(work, Math.min(remaining, eachMs));
    if (result === late)
      throw new Error(remaining <= eachMs ? tooLate : `no answer within ${eachMs / 1000} s`);
    return result;
  } finally {
    abandoned.abort();
  }
}

/** Runs at most `size` pieces of work at a time, first come, first served. */
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
