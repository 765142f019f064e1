import type { CauseCode } from './causes.ts';
import { foreignLine } from './own-lines.ts';
import type { Finding } from './finding.ts';
import type { Fit } from './fit.ts';
import type { LogWitness, Statement, Trip, UnmatchedLine } from './statements.ts';

const codes = {
  sidecar: 'NO_SIDECAR_STATEMENT',
  proxy: 'NO_PROXY_STATEMENT',
  origin: 'NO_ORIGIN_STATEMENT',
} as const satisfies Record<LogWitness, CauseCode>;

/** Why a witness that must have spoken has no statement, from the lines its log yielded nonetheless. */
export function missing(trip: Trip, witness: LogWitness): Finding {
  const expected = `one line of the ${witness} for this request`;
  if (trip[witness] === undefined) {
    return { cause: codes[witness], seen: `the ${witness}'s log was not followed`, expected };
  }
  const others = trip.unmatched.filter((line) => line.witness === witness);
  const foreign = others.filter((line) => line.reason === 'foreign-format');
  if (witness === 'sidecar' && foreign[0] !== undefined) {
    return {
      cause: 'SIDECAR_LOG_FORMAT',
      seen: `${lineCount(foreign)} that cannot be read: ${foreign[0].why}: ${foreign[0].line}`,
      expected: "Istio's default text format, or its default JSON keys",
    };
  }
  const unreadable = others.filter(({ line }) => line === foreignLine);
  if (witness === 'proxy' && unreadable.length > 0) {
    return {
      cause: 'YOUR_PROXY_LOG_FORMAT',
      seen: `${lineCount(unreadable)} about this destination that cannot be read`,
      expected: 'Squid’s native format, `logformat squid`',
    };
  }
  const stale = others.filter((line) => line.reason === 'stale');
  const lastStale = stale.at(-1);
  if (lastStale !== undefined) {
    return {
      cause: 'STALE_ONLY',
      seen: `${lineCount(stale)} of the ${witness} from before: ${lastStale.why}: ${lastStale.line}`,
      expected,
    };
  }
  const nearest = others.filter((line) => line.reason !== 'unparsable').at(-1);
  const seen =
    nearest === undefined
      ? `no access log line of the ${witness} since the request began`
      : `${lineCount(others)} of the ${witness}, none of this request; the last: ${nearest.why}: ${nearest.line}`;
  return { cause: codes[witness], seen, expected };
}

/** A statement credited to a trip must fit it; one that does not says where it differs. */
export function fromMisfit(fit: Fit, who: string, statement: Statement): Finding[] {
  if (fit.fits !== 'no') return [];
  const cause = fit.reason === 'stale' || fit.reason === 'late' ? 'TIMES_DISAGREE' : 'ADDRESSES_DISAGREE';
  const expected = cause === 'TIMES_DISAGREE' ? 'a time within that of the request' : "this request's own";
  return [{ cause, seen: `of ${who}'s line: ${fit.why}`, expected, statement }];
}

function lineCount(lines: readonly UnmatchedLine[]): string {
  return lines.length === 1 ? '1 line' : `${lines.length} lines`;
}
