import type { Ambiguity, LogWitness, ProxyStatement, SidecarStatement } from './statements.ts';

/** A tie among lines and trips, with whether any way to break it leads to the same verdicts. */
export function ambiguityOf(
  witness: LogWitness,
  rivals: readonly string[],
  lines: readonly (SidecarStatement | ProxyStatement)[],
  everyoneServed: boolean,
): Ambiguity {
  const judged = new Set(lines.map(judgedFacts));
  return {
    witness,
    rivals,
    lines: lines.map((line) => line.line),
    harmless: everyoneServed && judged.size === 1,
  };
}

/**
 * Everything a verdict looks at but the times, which are compared within tolerances. What sets a sidecar's lines
 * apart is the client's port, so two of them are never alike.
 */
function judgedFacts(statement: SidecarStatement | ProxyStatement): string {
  if (statement.witness === 'sidecar') return statement.line;
  const { clientIp, result, status, bytes, method, target, hierarchy, peer } = statement;
  return JSON.stringify([clientIp, result, status, bytes, method, target, hierarchy, peer ?? null]);
}
