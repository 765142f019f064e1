import type { Cluster } from '../cluster/k3s.ts';

/** Somebody else's cluster, in the form that one of the suite's own has. */
export function theirCluster(kubeconfig: string, runId = ''): Cluster {
  return {
    runId,
    kubeconfig,
    // istioctl runs in a container on this machine's network, and so reaches what this machine reaches.
    internalKubeconfig: kubeconfig,
    network: 'host',
    containerId: undefined,
    reused: false,
  };
}
