import { splitFormat } from '../../helpers/trip/envoy.ts';
import type { ProxyStatement } from '../../helpers/trip/statements.ts';

/** Lines as those who log them would write them: what the parsers read back. */

/**
 * The line Envoy writes in a format for these values; a missing one becomes `-`.
 * @throws RangeError when a value cannot stand where the format puts it (a space in a bare field, an empty one).
 */
export function envoyLine(format: string, values: ReadonlyMap<string, string>): string {
  const { fields, tail } = splitFormat(format.replace(/\n$/, ''));
  const written = fields.map(({ operator, literalBefore, pattern, quoted }) => {
    const value = values.get(operator) ?? '-';
    const text = quoted ? value.replaceAll('\\', '\\\\').replaceAll('"', '\\"') : value;
    if (!new RegExp(`^${pattern}$`).test(text)) {
      throw new RangeError(`${operator} cannot be ${JSON.stringify(value)} in this format`);
    }
    return literalBefore + text;
  });
  return written.join('') + tail;
}

/** The line Squid writes for a statement. */
export function formatProxyLine(statement: Omit<ProxyStatement, 'witness' | 'line'>): string {
  const seconds = String(Math.floor(statement.endedAt / 1000));
  const millis = String(statement.endedAt % 1000).padStart(3, '0');
  const elapsed = String(statement.elapsedMs).padStart(6);
  const status = String(statement.status).padStart(3, '0');
  return `${seconds}.${millis} ${elapsed} ${statement.clientIp} ${statement.result}/${status} ${statement.bytes} ${statement.method} ${statement.target} - ${statement.hierarchy}/${statement.peer ?? '-'} -`;
}
