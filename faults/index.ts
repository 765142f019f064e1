import { cleanupFaults } from './cleanup.ts';
import { destinationFaults } from './destination.ts';
import { clusterFaults, runFaults } from './environment.ts';
import type { Fault, RunFault } from './fault.ts';
import { meshFaults } from './mesh.ts';
import { proxyFaults } from './proxy.ts';
import { sidecarFaults } from './sidecar.ts';
import type { GateFault } from './gate-fault.ts';
import { gateFaults } from './upgrade.ts';

/** The faults of one cluster, in the order they are tried; those that end it come last. */
export const faults: readonly Fault[] = [
  ...meshFaults,
  ...sidecarFaults,
  ...proxyFaults,
  ...destinationFaults,
  ...cleanupFaults,
  ...clusterFaults,
];

/** The whole matrix: faults of an upgrade use a second cluster, and those that need none come last. */
export const allFaults: readonly (Fault | GateFault | RunFault)[] = [...faults, ...gateFaults, ...runFaults];
