import { cleanupFaults } from './cleanup.ts';
import { destinationFaults } from './destination.ts';
import { clusterFaults } from './environment.ts';
import type { Fault } from './fault.ts';
import { meshFaults } from './mesh.ts';
import { proxyFaults } from './proxy.ts';
import { sidecarFaults } from './sidecar.ts';

/** All faults of the matrix that are put into a cluster, in the order they are tried; what kills it comes last. */
export const faults: readonly Fault[] = [
  ...meshFaults,
  ...sidecarFaults,
  ...proxyFaults,
  ...destinationFaults,
  ...cleanupFaults,
  ...clusterFaults,
];
