import { logMeshes } from './logs.ts';
import type { HealthyMesh } from './mesh.ts';
import { policyMeshes } from './policies.ts';
import { proxyMeshes } from './proxy.ts';
import { sidecarMeshes } from './sidecars.ts';
import { trafficMeshes } from './traffic.ts';

/** Every healthy mesh, in the order they are tried. */
export const healthyMeshes: readonly HealthyMesh[] = [
  ...trafficMeshes,
  ...proxyMeshes,
  ...logMeshes,
  ...policyMeshes,
  ...sidecarMeshes,
];
