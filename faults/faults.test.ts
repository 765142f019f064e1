import { beforeAll } from 'vitest';
import { handed } from '../suites/worker.ts';
import { faults } from './index.ts';
import { Matrix } from './matrix.ts';
import { testFaults } from './trying.ts';

const { session, faults: chosen } = await handed();
const matrix = new Matrix(session);

beforeAll(async () => {
  await matrix.begin();
});

testFaults(chosen, faults, matrix);
