import { handed } from '../suites/worker.ts';
import { GateMatrix } from './gate-matrix.ts';
import { testFaults } from './trying.ts';
import { gateFaults } from './upgrade.ts';

const { session, faults: chosen } = await handed();
testFaults(chosen, gateFaults, new GateMatrix(session));
