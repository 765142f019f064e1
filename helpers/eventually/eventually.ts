import { setTimeout as delay } from 'node:timers/promises';
import { ActionableError, messageOf } from '../errors.ts';

export interface EventuallyOptions {
  /** Gives up after this many milliseconds. */
  readonly timeoutMs: number;
  /** Pause between attempts; a condition asks again, it does not sleep and hope. */
  readonly intervalMs?: number;
  /** The condition must hold this many times in a row, where a state has to settle. */
  readonly consecutive?: number;
  readonly signal?: AbortSignal;
  /** Told the latest reason after each failed attempt, for progress lines. */
  readonly onAttempt?: (reason: string) => void;
}

/** The condition did not come true in time: what was waited for, attempts, elapsed, and the last reason. */
export class EventuallyError extends Error {
  constructor(what: string, attempts: number, elapsedMs: number, lastError: unknown) {
    const times = attempts === 1 ? '1 attempt' : `${attempts} attempts`;
    super(
      `Waited ${(elapsedMs / 1000).toFixed(1)} s (${times}) for ${what}. Last seen: ${messageOf(lastError)}`,
      { cause: lastError },
    );
    this.name = 'EventuallyError';
  }
}

/** Thrown inside a condition to give up at once: waiting longer cannot make it true. */
export class Hopeless extends Error {
  override readonly name = 'Hopeless';
}

/**
 * Repeats `condition` until it returns without throwing, and gives its result.
 * A throw means "not yet"; returning `false` is a result like any other.
 * The clock starts before the first attempt, and at least one attempt is made.
 */
export async function eventually<T>(
  what: string,
  condition: () => Promise<T> | T,
  options: EventuallyOptions,
): Promise<T> {
  const { timeoutMs, intervalMs = 200, consecutive = 1, signal, onAttempt } = options;
  const start = performance.now();
  let attempts = 0;
  let successes = 0;
  for (;;) {
    signal?.throwIfAborted();
    attempts += 1;
    try {
      const result = await condition();
      successes += 1;
      if (successes >= consecutive) return result;
    } catch (error) {
      // Bad input and a broken environment do not heal by waiting.
      if (error instanceof ActionableError) throw error;
      successes = 0;
      const elapsed = performance.now() - start;
      if (error instanceof Hopeless || elapsed + intervalMs > timeoutMs) {
        throw new EventuallyError(what, attempts, elapsed, error);
      }
      onAttempt?.(messageOf(error));
    }
    await delay(intervalMs, undefined, signal === undefined ? {} : { signal });
  }
}

/** What `orLate` gives when the work did not end in time. */
export const late = Symbol('late');

/**
 * What `work` comes to, or `late` when it takes longer than `timeoutMs`. The work then goes on, and its result is
 * dropped: for work that cannot be stopped from here.
 */
export async function orLate<T>(work: Promise<T>, timeoutMs: number): Promise<T | typeof late> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<typeof late>((resolve) => {
    timer = setTimeout(resolve, timeoutMs, late);
  });
  work.catch(() => undefined);
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
