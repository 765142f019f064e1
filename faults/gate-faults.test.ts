import { inject } from 'vitest';
import { GateMatrix } from './gate-matrix.ts';
import { testFaults } from './trying.ts';
import { gateFaults } from './upgrade.ts';

testFaults(gateFaults, new GateMatrix(inject('session')));
