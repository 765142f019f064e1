import { beforeAll, inject } from 'vitest';
import { faults } from './index.ts';
import { Matrix } from './matrix.ts';
import { testFaults } from './trying.ts';

const matrix = new Matrix(inject('session'));

beforeAll(async () => {
  await matrix.begin();
});

testFaults(faults, matrix);
