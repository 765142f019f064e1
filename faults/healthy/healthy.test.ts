import { afterAll, beforeAll } from 'vitest';
import { handed } from '../../suites/worker.ts';
import { testHealthy } from '../trying.ts';
import { healthyMeshes } from './index.ts';
import { HealthyMatrix } from './matrix.ts';

const { session, faults: chosen } = await handed();
const matrix = new HealthyMatrix(session);

beforeAll(async () => {
  await matrix.begin();
});

afterAll(async () => {
  await matrix.end();
});

testHealthy(chosen, healthyMeshes, matrix);
