/**
 * What a mesh calls its clusters in statistics and in `%UPSTREAM_CLUSTER%` where it has names of its own for them
 * (meshConfig.outboundClusterStatName), and the clusters that have each name.
 */
export type ClusterNames = ReadonlyMap<string, readonly string[]>;

/**
 * The cluster that the mesh calls so: `outbound|PORT|SUBSET|HOST`. The name itself where no cluster has it.
 * @param port Where the client connected to, by which clusters that share a name are told apart
 */
export function clusterCalled(name: string, names: ClusterNames, port?: number): string {
  const all = names.get(name) ?? [];
  const [found, ...others] = all.length < 2 ? all : all.filter((one) => one.split('|')[1] === `${port}`);
  return found === undefined || others.length > 0 ? name : found;
}
