import { createColors } from 'picocolors';
import { groups, type Check, type Checked, type Status } from '../helpers/doctor/check.ts';
import { fileCheck, nodeAskedFor, nodeCheck, nodeFinding } from '../helpers/doctor/checks.suite.ts';
import type { Asked } from '../helpers/doctor/surroundings.ts';
import { exitCodes } from '../helpers/errors.ts';

/**
 * `conformance doctor`: checks what a run needs, without starting one. Prints one line a check, or only JSON.
 * @returns 3 when a check failed, else 0
 * @throws UsageError for versions that are not listed or do not fit
 */
export async function doctor(asked: Asked, json: boolean): Promise<number> {
  const results = await examine(asked);
  const checks = results.map(({ id, status, message, hint }) => ({ id, status, message, hint }));
  const lines = json
    ? [JSON.stringify({ checks }, null, 2)]
    : doctorLines(results, process.stdout.isTTY && (process.env['NO_COLOR'] ?? '') === '');
  process.stdout.write(`${lines.join('\n')}\n`);
  return results.some(({ status }) => status === 'failed') ? exitCodes.environment : exitCodes.conformant;
}

async function examine(asked: Asked): Promise<Checked[]> {
  const { id, group } = nodeCheck;
  const node = nodeFinding(process.versions.node, nodeAskedFor());
  // The other checks need packages that an old Node.js cannot load.
  if (node.status === 'failed') return [{ id, group, code: 'ENVIRONMENT', ...node }];
  const { allChecks, runChecks } = await import('../helpers/doctor/run-checks.ts');
  const { surroundingsOf } = await import('../helpers/doctor/surroundings.ts');
  return runChecks([...allChecks, fixtures], surroundingsOf(asked, { quick: false }));
}

const fixtures: Check = fileCheck('fixtures', async () => {
  const { fixturesMustBeReadable } = await import('../suites/document/fixtures.ts');
  await fixturesMustBeReadable();
  return 'the document, its manifests and versions.yaml can be read';
});

const width = 'warning'.length;

/**
 * One line a check below its group, what to do below what is not ok, and a line of totals.
 * @param coloured Only for a terminal
 */
function doctorLines(checks: readonly Checked[], coloured: boolean): string[] {
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
