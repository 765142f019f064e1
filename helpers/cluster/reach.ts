import { accessSync, constants } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { ImageSet } from '../images/roles.ts';
import type { Cluster } from './cluster.ts';

/** Files that reach a cluster, from this machine and from a container on its network. */
export interface ReachFiles {
  readonly kubeconfig: string;
  readonly internalKubeconfig: string;
}

export function reachFilesIn(folder: string): ReachFiles {
  return {
    kubeconfig: join(folder, 'kubeconfig'),
    internalKubeconfig: join(folder, 'kubeconfig.internal'),
  };
}

/** Writes them, readable by their user alone, since they hold a key. */
export async function writeReachFiles(
  folder: string,
  cluster: Pick<Cluster, 'kubeconfig' | 'internalKubeconfig'>,
): Promise<ReachFiles> {
  const files = reachFilesIn(folder);
  await writeFile(files.kubeconfig, cluster.kubeconfig, { mode: 0o600 });
  await writeFile(files.internalKubeconfig, cluster.internalKubeconfig, { mode: 0o600 });
  return files;
}

/** Whether a command is on PATH. */
export type Has = (command: string) => boolean;

/**
 * Commands that reach the cluster, to be pasted into a shell: with kubectl and istioctl where this machine has them, else
 * with those of the node and of the image that the run used.
 */
export function reachCommands(
  { kubeconfig, internalKubeconfig }: ReachFiles,
  { containerId, network }: Pick<Cluster, 'containerId' | 'network'>,
  { images }: Pick<ImageSet, 'images'>,
  has: Has = onPath,
): string[] {
  const engine = !has('docker') && has('podman') ? 'podman' : 'docker';
  const kubectl =
    has('kubectl') || containerId === undefined
      ? 'kubectl get pods -A'
      : `${engine} exec ${containerId.slice(0, 12)} kubectl get pods -A`;
  // The published image's own user could not read the file.
  const mounted = `--network ${network} --user "$(id -u)" -v ${quoted(internalKubeconfig)}:/kubeconfig:ro`;
  const istioctl = has('istioctl')
    ? 'istioctl proxy-status'
    : `${engine} run --rm ${mounted} ${images.istioctl.reference} proxy-status --kubeconfig /kubeconfig`;
  return [`export KUBECONFIG=${quoted(kubeconfig)}`, kubectl, istioctl];
}

/** As a shell reads it back. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

function onPath(command: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
