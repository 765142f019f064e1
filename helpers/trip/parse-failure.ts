import type { Statement } from './statements.ts';

/**
 * Why a line is no statement. Parsers never throw and never guess: a line is whole, or it is one of these.
 * - `empty`: nothing but blanks.
 * - `application-log`: something else the same process writes (the agent's or Envoy's own messages).
 * - `json`: an access log in JSON whose keys are not the ones expected.
 * - `foreign-format`: looks like an access log, in no format known here.
 */
export type FailureKind = 'empty' | 'application-log' | 'json' | 'foreign-format';

export interface ParseFailure {
  readonly witness: undefined;
  readonly kind: FailureKind;
  /** One phrase for a person, without the line itself. */
  readonly why: string;
  readonly line: string;
}

export function failure(kind: FailureKind, why: string, line: string): ParseFailure {
  return { witness: undefined, kind, why, line };
}

/** Whether a parser gave up on a line. Every statement names its witness; a failure has none. */
export function isFailure(parsed: Statement | ParseFailure): parsed is ParseFailure {
  return parsed.witness === undefined;
}

/** A count as logs write it: digits only, within what a double holds exactly. Undefined otherwise. */
export function parseCount(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
