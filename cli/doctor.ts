import { doctorLines } from '../helpers/doctor/doctor-lines.ts';
import type { Check, Checked } from '../helpers/doctor/check.ts';
import { fileCheck, nodeAskedFor, nodeCheck, nodeFinding } from '../helpers/doctor/checks.suite.ts';
import type { Asked } from '../helpers/doctor/surroundings.ts';
import { exitCodes } from '../helpers/errors.ts';

export interface DoctorRequest {
  readonly asked: Asked;
  readonly json: boolean;
}

/**
 * `conformance doctor`: checks what a run needs, without starting one. Prints one line a check, or only JSON.
 * @returns 3 when a check failed, else 0
 * @throws UsageError for versions that are not listed or do not fit
 */
export async function doctor({ asked, json }: DoctorRequest): Promise<number> {
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
  const [{ allChecks }, { runChecks }, { surroundingsOf }] = await Promise.all([
    import('../helpers/doctor/quick.ts'),
    import('../helpers/doctor/run-checks.ts'),
    import('../helpers/doctor/surroundings.ts'),
  ]);
  return runChecks([...allChecks, fixtures], surroundingsOf(asked, { quick: false }));
}

const fixtures: Check = fileCheck('fixtures', async () => {
  const { fixturesMustBeReadable } = await import('../suites/document/fixtures.ts');
  await fixturesMustBeReadable();
  return 'the document, its manifests and versions.yaml can be read';
});
