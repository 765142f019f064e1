import { ActionableError, exitCodes } from '../errors.ts';

const signals = ['SIGINT', 'SIGTERM'] as const;

/** Ctrl-C or SIGTERM came; what was under way has been stopped and cleaned up. */
export class InterruptedError extends ActionableError {
  readonly exitCode: number;

  constructor(signal: (typeof signals)[number], doing: string) {
    super(
      `Interrupted by ${signal} while ${doing}.`,
      'What was finished stays; the next run goes on from there.',
    );
    this.exitCode = signal === 'SIGINT' ? exitCodes.interrupted : exitCodes.terminated;
  }
}

/**
 * Runs `work` with a signal that Ctrl-C, SIGTERM and `outer` abort, so that it ends its tools and removes its
 * temporary files before the process goes. A second Ctrl-C leaves at once; the next run sweeps then.
 * @throws InterruptedError after an interrupted `work` has ended
 */
export async function interruptible<T>(
  doing: string,
  outer: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const interrupted = new AbortController();
  const interrupt = (signal: (typeof signals)[number]): void => {
    const error = new InterruptedError(signal, doing);
    if (interrupted.signal.aborted) process.exit(error.exitCode);
    interrupted.abort(error);
  };
  for (const signal of signals) process.on(signal, interrupt);
  try {
    return await work(
      outer === undefined ? interrupted.signal : AbortSignal.any([interrupted.signal, outer]),
    );
  } catch (error) {
    throw interrupted.signal.aborted ? (interrupted.signal.reason as InterruptedError) : error;
  } finally {
    for (const signal of signals) process.off(signal, interrupt);
  }
}
