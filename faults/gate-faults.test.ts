import { handed } from '../suites/handed.ts';
import { GateMatrix } from './gate-matrix.ts';
import { testFaults } from './trying.ts';
import { gateFaults } from './upgrade.ts';

const { session, faults: chosen } = await handed();
testFaults(chosen, gateFaults, new GateMatrix(session));
