import { cleanupFaults } from './cleanup.ts';
import { destinationFaults } from './destination.ts';
import { clusterFaults, runFaults } from './environment.ts';
import type { Fault, RunFault } from './fault.ts';
import { meshFaults } from './mesh.ts';
import { policyFaults } from './policies.ts';
import { proxyFaults } from './proxy.ts';
import { sidecarFaults } from './sidecar.ts';
import type { GateFault } from './gate-fault.ts';
import { theirFaults, type TheirFault } from './their-mesh.ts';
import { gateFaults } from './upgrade.ts';

/** The faults of one cluster, in the order they are tried; those that end it come last. */
export const faults: readonly Fault[] = [
  ...meshFaults,
  ...sidecarFaults,
  ...proxyFaults,
  ...policyFaults,
  ...destinationFaults,
  ...cleanupFaults,
  ...clusterFaults,
];

/** The whole matrix: an existing mesh and an upgrade have clusters of their own; those that need none come last. */
export const allFaults: readonly (Fault | TheirFault | GateFault | RunFault)[] = [
  ...faults,
  ...theirFaults,
  ...gateFaults,
  ...runFaults,
];
