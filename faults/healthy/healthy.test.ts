import { afterAll, beforeAll, test } from 'vitest';
import { handed } from '../../suites/worker.ts';
import { healthyMeshes } from './index.ts';
import { HealthyMatrix } from './matrix.ts';
import type {} from '../trying.ts';

const { session, faults: chosen = [] } = await handed();
const matrix = new HealthyMatrix(session);

beforeAll(async () => {
  await matrix.begin();
});

afterAll(async () => {
  await matrix.end();
});

for (const mesh of healthyMeshes.filter(({ id }) => chosen.includes(id))) {
  test(`${mesh.id} ${mesh.title}`, async ({ task, skip }) => {
    const unsound = matrix.unsound();
    if (unsound !== undefined) skip(unsound);
    const result = await matrix.try(mesh);
    task.meta.healthy = result;
    if (!result.green) throw new Error(`false alarm at ${result.step}: ${result.cause}: ${result.seen}`);
  });
}
