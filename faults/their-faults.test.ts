import { afterAll, beforeAll } from 'vitest';
import { handed } from '../suites/worker.ts';
import { HealthyMatrix } from './healthy/matrix.ts';
import { theirFaults } from './their-mesh.ts';
import { testFaults } from './trying.ts';

const { session, faults: chosen } = await handed();
const matrix = new HealthyMatrix(session);

beforeAll(async () => {
  await matrix.begin();
});

afterAll(async () => {
  await matrix.end();
});

testFaults(chosen, theirFaults, { unsound: () => matrix.unsound(), try: (fault) => matrix.tryFault(fault) });
