/** A node's container beside the server's. */
export interface Agent {
  readonly name: string;
  readonly containerId: string;
}

/** A running cluster, as plain data. */
export interface Cluster {
  readonly runId: string;
  /** Reaches the API server from this process. */
  readonly kubeconfig: string;
  /** Reaches it from a container on `network`. */
  readonly internalKubeconfig: string;
  readonly network: string;
  /** Its node's container, of several the server's; undefined for an existing cluster. */
  readonly containerId: string | undefined;
  /** Its further nodes, by the names that the API server has them by. */
  readonly agents?: readonly Agent[];
  /** An earlier run kept it. */
  readonly reused: boolean;
}

/** An existing cluster in the form of one that the run started. */
export function existingCluster(kubeconfig: string, runId = ''): Cluster {
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
