import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EnvironmentError, UsageError } from '../errors.ts';
import { cacheDir } from '../images/cache.ts';
import { connect } from '../kube/client.ts';
import { containerEngine } from './engine.ts';
import { keptInUse, releaseKept, takeKept } from './in-use.ts';
import { labelKeys, type Owner } from './labels.ts';
import { sweep } from './sweep.ts';

/** What a later run needs to use a kept cluster again. */
export interface KeptCluster {
  readonly runId: string;
  readonly kubeconfig: string;
  readonly internalKubeconfig: string;
  readonly network: string;
  readonly containerId: string | undefined;
}

/** File with the kubeconfig of a kept cluster, for `kubectl --kubeconfig`. */
export function keptKubeconfig(runId: string): string {
  return join(keptFolder(runId), 'kubeconfig');
}

/** Writes down how to reach a cluster that is kept; readable by its user alone, since it holds a key. */
export async function rememberKept(cluster: KeptCluster): Promise<void> {
  const { runId, kubeconfig, internalKubeconfig, network, containerId } = cluster;
  const folder = keptFolder(runId);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(keptKubeconfig(runId), kubeconfig, { mode: 0o600 });
  const kept: KeptCluster = { runId, kubeconfig, internalKubeconfig, network, containerId };
  await writeFile(join(folder, 'cluster.json'), JSON.stringify(kept), { mode: 0o600 });
}

export async function forgetKept(runId: string): Promise<void> {
  await rm(keptFolder(runId), { recursive: true, force: true });
}

/** Forgets every kept cluster that nobody uses; for `clean`, after the sweep removed them. */
export async function forgetUnusedKept(): Promise<void> {
  const used = await keptInUse();
  const runs = await readdir(join(cacheDir(), 'kept')).catch(() => []);
  await Promise.all(runs.filter((runId) => !used.has(runId)).map(forgetKept));
}

/**
 * A kept cluster that still serves and was made for this configuration.
 * One that is broken is removed; none there gives undefined.
 * @throws UsageError when a kept cluster of another configuration is in the way
 */
export async function findKept(configuration: string): Promise<KeptCluster | undefined> {
  const { container } = await containerEngine();
  const containers = await container.dockerode.listContainers({
    all: true,
    filters: { label: [labelKeys.run, `${labelKeys.kept}=true`] },
  });
  for (const { Labels, State } of containers) {
    const runId = Labels[labelKeys.run] ?? '';
    const holder = await takeKept(runId);
    if (holder !== undefined) throw inUse(runId, holder);
    const kept = State === 'running' ? await recall(runId) : undefined;
    if (kept === undefined || !(await serves(kept))) {
      await sweep({ only: runId });
      await forgetKept(runId);
      continue;
    }
    if (Labels[labelKeys.configuration] !== configuration) {
      await releaseKept(runId);
      throw new UsageError(
        `A kept cluster of another configuration is there (run ${runId}): its images are not those of this run`,
        'Run with the same --istio, --k8s and --images as before, or remove it first: ./conformance clean',
      );
    }
    return kept;
  }
  return undefined;
}

function inUse(runId: string, { pid }: Owner): EnvironmentError {
  return new EnvironmentError(
    `The kept cluster (run ${runId}) is in use by process ${pid}`,
    'Wait for that run to end, or run without --keep on a cluster of its own.',
  );
}

function keptFolder(runId: string): string {
  return join(cacheDir(), 'kept', runId);
}

async function recall(runId: string): Promise<KeptCluster | undefined> {
  try {
    return JSON.parse(await readFile(join(keptFolder(runId), 'cluster.json'), 'utf8')) as KeptCluster;
  } catch {
    return undefined;
  }
}

/** Whether the cluster's API server answers; asked for what anybody may ask. */
export async function serves({ kubeconfig }: Pick<KeptCluster, 'kubeconfig'>): Promise<boolean> {
  try {
    await connect(kubeconfig).version.getCode();
    return true;
  } catch {
    return false;
  }
}
