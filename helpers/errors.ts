import type { EnvironmentCode } from './causes/environment.ts';

/** What the process exits with. 1 is a verdict on Istio or the mesh; 3 means the environment failed and there is no verdict. */
export const exitCodes = {
  conformant: 0,
  notConformant: 1,
  usage: 2,
  environment: 3,
  /** 128 + SIGHUP. */
  hungUp: 129,
  /** 128 + SIGINT, as shells report it. */
  interrupted: 130,
  /** 128 + SIGTERM. */
  terminated: 143,
} as const;

/**
 * An error a person can act on: `message` says what is wrong and where, `hint` what to do.
 * The CLI prints both, without a stack trace, and exits with `exitCode`.
 */
export abstract class ActionableError extends Error {
  abstract readonly exitCode: number;
  readonly hint: string;

  constructor(message: string, hint: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.hint = hint;
  }
}

/** Bad input: an unknown flag, version, step, an unsupported pair, an unreadable file. */
export class UsageError extends ActionableError {
  readonly exitCode = exitCodes.usage;
}

/** The environment fails: engine, registry, disk, a missing tool, the destination. */
export class EnvironmentError extends ActionableError {
  readonly exitCode = exitCodes.environment;
  readonly code: EnvironmentCode;

  constructor(
    message: string,
    hint: string,
    options: ErrorOptions & { readonly code?: EnvironmentCode } = {},
  ) {
    super(message, hint, options);
    this.code = options.code ?? 'ENVIRONMENT';
  }
}

/** fetch got no answer. */
export function isFetchFailure(error: Error): boolean {
  return error instanceof TypeError && error.message === 'fetch failed';
}

/** A deadline ended it. */
export function isLate(error: unknown): boolean {
  return error instanceof Error && ['AbortError', 'TimeoutError'].includes(error.name);
}

/** The message of whatever was thrown, without a stack. */
export function messageOf(error: unknown): string {
  // Node tries every address of a name and then reports them all, with an empty message.
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join(', ');
  if (error instanceof Error) {
    // fetch says why in its cause alone; what a proxy answered, in the cause of that.
    const saysNothing = isFetchFailure(error) || error.message === 'Request was cancelled.';
    return saysNothing && error.cause !== undefined ? messageOf(error.cause) : error.message;
  }
  // Not every library throws an Error: ws rejects with an event that has a message.
  if (
    typeof error === 'object' &&
    error !== null &&
    'message' in error &&
    typeof error.message === 'string'
  ) {
    return error.message;
  }
  return String(error);
}

/**
 * For `catch`: throws an error that a person can act on, with what was thrown as its cause.
 * @param what What went wrong; a colon and the message of what was thrown follow it
 */
export function thrownAs(
  Kind: typeof UsageError | typeof EnvironmentError,
  what: string,
  hint: string,
): (error: unknown) => never {
  return (error) => {
    throw new Kind(`${what}: ${messageOf(error)}`, hint, { cause: error });
  };
}

/** What `work` gives. What it throws goes to `failed`: what `catch` is for a promise. */
export function attempt<T>(work: () => T, failed: (error: unknown) => never): T {
  try {
    return work();
  } catch (error) {
    return failed(error);
  }
}

/** The value of a JSON text, undefined where it is none. */
export function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
