import { handed } from '../suites/worker.ts';
import { GateMatrix } from './gate-matrix.ts';
import { healthyUpgrades } from './healthy/upgrades.ts';
import { testFaults, testHealthy } from './trying.ts';
import { gateFaults } from './upgrade.ts';

const { session, faults: chosen } = await handed();
const matrix = new GateMatrix(session);
testFaults(chosen, gateFaults, matrix);
testHealthy(chosen, healthyUpgrades, matrix);
