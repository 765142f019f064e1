import { createColors } from 'picocolors';
import { groups, type Checked, type Status } from './check.ts';

const width = 'warning'.length;

/**
 * One line a check below its group, what to do below what is not ok, and a line of totals.
 * @param coloured Only for a terminal
 */
export function doctorLines(checks: readonly Checked[], coloured: boolean): string[] {
  const colors = createColors(coloured);
  const paint: Record<Status, (text: string) => string> = {
    ok: colors.green,
    warning: colors.yellow,
    failed: colors.red,
  };
  const idWidth = Math.max(...checks.map(({ id }) => id.length));
  const indent = ' '.repeat(2 + width + 2 + idWidth + 2);
  const lines = groups.flatMap((group) => {
    const own = checks.filter((check) => check.group === group);
    if (own.length === 0) return [];
    return [
      colors.bold(group),
      ...own.flatMap(({ id, status, message, hint }) => [
        `  ${paint[status](status.padEnd(width))}  ${id.padEnd(idWidth)}  ${message}`,
        ...(hint === '' ? [] : [`${indent}${colors.dim(`→ ${hint}`)}`]),
      ]),
      '',
    ];
  });
  const count = (status: Status): number => checks.filter((check) => check.status === status).length;
  return [...lines, `${count('ok')} ok, ${count('warning')} warnings, ${count('failed')} failed`];
}
