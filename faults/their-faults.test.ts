import { afterAll, beforeAll, inject } from 'vitest';
import { HealthyMatrix } from './healthy/matrix.ts';
import { theirFaults } from './their-mesh.ts';
import { testFaults } from './trying.ts';

const matrix = new HealthyMatrix(inject('session'));

beforeAll(async () => {
  await matrix.begin();
});

afterAll(async () => {
  await matrix.end();
});

testFaults(theirFaults, { unsound: () => matrix.unsound(), try: (fault) => matrix.tryFault(fault) });
