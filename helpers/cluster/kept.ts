import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EnvironmentError, jsonIn, UsageError } from '../errors.ts';
import { inCache } from '../cache.ts';
import { connect } from '../kube/client.ts';
import { containerEngine } from '../engine.ts';
import type { Cluster } from './cluster.ts';
import { keptInUse, keptRuns, releaseKept, takeKept } from './in-use.ts';
import { labelKeys } from './labels.ts';
import { reachFilesIn, writeReachFiles, type ReachFiles } from './reach.ts';
import { sweep } from './sweep.ts';
import { hash } from 'node:crypto';
import type { Configuration } from '../configuration/configuration.ts';
import type { ImageSet } from '../images/roles.ts';

/** What a later run needs to use a kept cluster again. */
type KeptCluster = Omit<Cluster, 'reused'>;

interface Remembered extends KeptCluster {
  readonly configuration: KeptConfiguration;
}

/** Files that reach a kept cluster, for `kubectl` and `istioctl`. */
export function keptReachFiles(runId: string): ReachFiles {
  return reachFilesIn(keptFolder(runId));
}

/** The cluster without what else is known of it. */
export function clusterOf(kept: KeptCluster): KeptCluster {
  const { runId, kubeconfig, internalKubeconfig, network, containerId, agents } = kept;
  return {
    ...{ runId, kubeconfig, internalKubeconfig, network, containerId },
    ...(agents === undefined ? {} : { agents }),
  };
}

/** Writes down how to reach a cluster that is kept; readable by its user alone, since it holds a key. */
export async function rememberKept(cluster: KeptCluster, configuration: KeptConfiguration): Promise<void> {
  const { runId } = cluster;
  const folder = keptFolder(runId);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeReachFiles(folder, cluster);
  const kept: Remembered = { ...clusterOf(cluster), configuration };
  await writeFile(join(folder, 'cluster.json'), JSON.stringify(kept), { mode: 0o600 });
}

export async function forgetKept(runId: string): Promise<void> {
  await rm(keptFolder(runId), { recursive: true, force: true });
}

/** Forgets every kept cluster that is not in use; `clean` calls it after the sweep. */
export async function forgetUnusedKept(): Promise<void> {
  const used = await keptInUse();
  const runs = await keptRuns();
  await Promise.all(runs.filter((runId) => !used.has(runId)).map(forgetKept));
}

/**
 * Checks --reuse before an engine is asked and an image is made.
 * @throws UsageError when no cluster is kept, or when no kept one is like the one asked for
 */
export async function keptMustFit(asked: Partial<KeptConfiguration>): Promise<void> {
  const others: string[] = [];
  for (const runId of await keptRuns()) {
    const kept = await recall(runId);
    if (kept === undefined) continue;
    const differences = differencesOf(kept.configuration, asked);
    if (differences.length === 0) return;
    others.push(toldOf(runId, differences));
  }
  throw others.length === 0 ? noneIsKept() : anotherIsKept(others);
}

/**
 * A kept cluster that still serves and was made for this configuration; undefined when there is none. This process
 * holds it from then on.
 * @param options.required None there is an error, and one that is broken stays; else that one is removed
 * @throws UsageError when a kept cluster of another configuration is in the way
 * @throws EnvironmentError when another process uses it, or it is required and does not answer
 */
export async function findKept(
  asked: KeptConfiguration,
  options: { readonly required: boolean; readonly report: (detail: string) => void },
): Promise<KeptCluster | undefined> {
  const { container } = await containerEngine();
  const containers = await container.dockerode.listContainers({
    all: true,
    filters: { label: [labelKeys.run, `${labelKeys.kept}=true`] },
  });
  const others: string[] = [];
  const runs = Map.groupBy(containers, ({ Labels }) => Labels[labelKeys.run] ?? '');
  for (const [runId, nodes] of runs) {
    // All of its nodes run, or what the first one does that does not.
    const State = nodes.find((node) => node.State !== 'running')?.State ?? 'running';
    const kept = await recall(runId);
    // Kept by a run with another cache folder, which alone may use and remove it.
    if (kept === undefined) continue;
    const holder = await takeKept(runId);
    if (holder !== undefined)
      throw new EnvironmentError(
        `The kept cluster (run ${runId}) is in use by process ${holder.pid}`,
        'Wait for that run to end, or run without --keep on a cluster of its own.',
      );
    const differences = differencesOf(kept.configuration, asked);
    if (differences.length > 0) {
      await releaseKept(runId);
      others.push(toldOf(runId, differences));
      continue;
    }
    if (State === 'running' && (await serves(kept))) return kept;
    if (options.required) {
      await releaseKept(runId);
      throw doesNotAnswer(runId, State);
    }
    options.report(`removing kept cluster ${runId}, which does not answer`);
    await sweep({ only: runId });
    await forgetKept(runId);
  }
  if (others.length > 0) throw anotherIsKept(others);
  if (options.required) throw noneIsKept();
  return undefined;
}

function toldOf(runId: string, differences: readonly string[]): string {
  return [
    `The kept cluster (run ${runId}) differs from the one asked for:`,
    ...differences.map((line) => `  ${line}`),
  ].join('\n');
}

function anotherIsKept(others: readonly string[]): UsageError {
  return new UsageError(
    others.join('\n'),
    'Run with the configuration that it was kept with, or remove it first: ./conformance clean',
  );
}

function noneIsKept(): UsageError {
  return new UsageError('There is no kept cluster to run on', 'Keep one first: ./conformance --keep');
}

function doesNotAnswer(runId: string, state: string): EnvironmentError {
  return new EnvironmentError(
    `The kept cluster (run ${runId}) does not answer; its node is ${state}`,
    'Remove it (./conformance clean), and keep another: ./conformance --keep',
    { code: 'CLUSTER_LOST' },
  );
}

function keptFolder(runId: string): string {
  return inCache('kept', runId);
}

/** One that an earlier version of the suite kept does not say what it was made for, and counts as not there. */
async function recall(runId: string): Promise<Remembered | undefined> {
  const text = await readFile(join(keptFolder(runId), 'cluster.json'), 'utf8').catch(() => '');
  const kept = jsonIn(text) as Partial<Remembered> | undefined;
  return kept?.configuration === undefined ? undefined : (kept as Remembered);
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

/** What makes a kept cluster the one that a run would start, and its mesh the one that the run would have. */
export interface KeptConfiguration {
  /** Of a gate's cluster both, e.g. `1.28.3 → 1.29.1`. */
  readonly istio: string;
  readonly kubernetes: string;
  readonly injection: Configuration['injection'];
  /** Tells the user's own configuration of the mesh from another one; `none` where there is none. */
  readonly given?: string;
  /** How many nodes it has; one where it is not said. */
  readonly nodes?: number;
  /** By role, in a gate with the version of Istio: reference and digest. */
  readonly images: Readonly<Record<string, string>>;
}

/** The configuration of a cluster with these sets of images, the document's first. */
export function keptConfigurationOf(
  sets: readonly ImageSet[],
  {
    injection,
    given = 'none',
    nodes = 1,
  }: Pick<Configuration, 'injection'> & { readonly given?: string; readonly nodes?: number },
): KeptConfiguration {
  const images = sets.flatMap(({ istio, images: byRole }) =>
    Object.values(byRole).map(({ role, reference, digest }) => [
      sets.length === 1 ? role : `${role} for Istio ${istio}`,
      `${reference} (${digest.slice(0, 19)})`,
    ]),
  );
  return {
    istio: sets.map(({ istio }) => istio).join(' → '),
    kubernetes: sets[0]?.kubernetes ?? '',
    injection,
    given,
    nodes,
    images: Object.fromEntries(images) as Record<string, string>,
  };
}

/** Names the images of a configuration: their references and digests, and nothing else. */
export function imagesKeyOf({ images }: Pick<KeptConfiguration, 'images'>): string {
  return hash('sha256', JSON.stringify(images)).slice(0, 16);
}

/** What two configurations do not share, a line each; what is not known yet of one is not compared. */
export function differencesOf(kept: KeptConfiguration, asked: Partial<KeptConfiguration>): string[] {
  const lines: string[] = [];
  const compare = (what: string, is: string | undefined, wanted: string | undefined): void => {
    if (is !== wanted) lines.push(`${what}: kept ${is ?? 'none'}, now ${wanted ?? 'none'}`);
  };
  if (asked.istio !== undefined) compare('Istio', kept.istio, asked.istio);
  if (asked.kubernetes !== undefined) compare('Kubernetes', kept.kubernetes, asked.kubernetes);
  if (asked.injection !== undefined) compare('injection', kept.injection, asked.injection);
  if (asked.nodes !== undefined) compare('nodes', String(kept.nodes ?? 1), String(asked.nodes));
  if (asked.given !== undefined) compare('your configuration', kept.given ?? 'none', asked.given);
  // Other versions have other images, which need not be told besides.
  if (asked.images === undefined || lines.length > 0) return lines;
  for (const role of new Set([...Object.keys(kept.images), ...Object.keys(asked.images)])) {
    compare(`image ${role}`, kept.images[role], asked.images[role]);
  }
  return lines;
}
