import { keptReachFiles } from '../helpers/cluster/kept.ts';
import { reachCommands, writeReachFiles } from '../helpers/cluster/reach.ts';
import type { SessionFacts } from '../helpers/session/session.ts';

/** What a user is told at the end of a run whose cluster is kept. */
export function keptLines({ cluster, images, others }: SessionFacts): string[] {
  const istio = [images, ...others].map((set) => set.istio).join(' → ');
  return [
    `The cluster is kept (Istio ${istio}, Kubernetes ${images.kubernetes}, run ${cluster.runId}). From a shell:`,
    ...reachCommands(keptReachFiles(cluster.runId), cluster, images).map((line) => `  ${line}`),
    'Run again on it:  ./conformance --reuse',
    'Remove it:        ./conformance clean',
    '',
  ];
}

/** How to reach a cluster while its run waits: the files go with the run. */
export async function reachWhilePaused({
  folder,
  cluster,
  images,
}: SessionFacts): Promise<{ readonly kubeconfig: string; readonly commands: readonly string[] }> {
  const files = await writeReachFiles(folder, cluster);
  return { kubeconfig: files.kubeconfig, commands: reachCommands(files, cluster, images) };
}
