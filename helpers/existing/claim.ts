import { kubeObject } from '../kube/manifests.ts';
import { decodeOwner, encodeOwner, isAlive, thisProcess } from '../cluster/labels.ts';
import type { KubernetesObject, V1ObjectMeta } from '@kubernetes/client-node';
import { EnvironmentError, UsageError } from '../errors.ts';
import { apply } from '../kube/apply.ts';
import { apiStatus, fieldManager, type Kube } from '../kube/client.ts';
import { isOurs, isPrepared, labelsOf, processAnnotation, runOf } from './ownership.ts';
import { namespaceNamed, removeOwned } from './owned.ts';

/** What the run's namespaces are before it. */
export interface Looked {
  /** There already, for the suite: they stay. */
  readonly prepared: readonly string[];
  /** Not there yet. */
  readonly missing: readonly string[];
  /** Made by a run that is dead, and to be removed first. */
  readonly dead: readonly { readonly name: string; readonly run: string }[];
}

/** One run at a time in the same prepared namespace: whoever makes this object first has it. */
export const lockName = `${fieldManager}-run`;

/**
 * Looks whether the run may have these namespaces, and changes nothing.
 * @throws UsageError when one exists and is not the suite's
 * @throws EnvironmentError when another run has it
 */
export async function lookAtNamespaces(kube: Kube, names: readonly string[]): Promise<Looked> {
  const prepared: string[] = [];
  const missing: string[] = [];
  const dead: { name: string; run: string }[] = [];
  for (const name of names) {
    const namespace = await namespaceNamed(kube, name);
    if (namespace === undefined) {
      missing.push(name);
      continue;
    }
    if (!isOurs(namespace)) {
      throw new UsageError(
        `Namespace ${name} exists and is not the suite's, so nothing is done in it`,
        'Choose others with --namespace and --proxy-namespace, or have some prepared: ./conformance rbac.',
      );
    }
    if (isPrepared(namespace)) {
      prepared.push(name);
      continue;
    }
    const run = runOf(namespace) ?? '?';
    if (stateOf(namespace) !== 'dead') throw inUse(name, run);
    dead.push({ name, run });
  }
  return { prepared, missing, dead };
}

/**
 * Makes a namespace of the run's own, and takes it for this run alone.
 * @throws EnvironmentError when another run was faster
 */
export async function makeNamespace(kube: Kube, name: string, runId: string): Promise<void> {
  const namespace = kubeObject('Namespace', { name, ...marksOf(runId) });
  try {
    await kube.core.createNamespace({ body: namespace });
  } catch (error) {
    if (apiStatus(error) === 409) throw inUse(name, 'that began at the same moment');
    throw error;
  }
  // From now on its labels are the suite's to apply, as everything else.
  await apply(kube, [{ ...namespace, metadata: { name } }]);
}

/**
 * Takes a prepared namespace for this run alone; what a dead run left in it is removed.
 * @throws EnvironmentError when another run has it
 */
export async function takePrepared(
  kube: Kube,
  namespace: string,
  runId: string,
  leftBehind: (what: string) => void,
): Promise<void> {
  const body = { metadata: { name: lockName, ...marksOf(runId) } };
  for (const first of [true, false]) {
    try {
      await kube.core.createNamespacedConfigMap({ namespace, body });
      return;
    } catch (error) {
      if (apiStatus(error) !== 409) throw error;
      const held = await kube.core.readNamespacedConfigMap({ namespace, name: lockName });
      if (!first || stateOf(held) !== 'dead') {
        throw inUse(namespace, runOf(held) ?? '?');
      }
      for (const what of await removeOwned(kube, [namespace], runOf(held))) leftBehind(what);
    }
  }
}

/** Says whose an object is: the run's, and this process's. */
function marksOf(runId: string): Required<Pick<V1ObjectMeta, 'labels' | 'annotations'>> {
  return { labels: labelsOf(runId), annotations: { [processAnnotation]: encodeOwner(thisProcess()) } };
}

/** Whether the process that made it runs; of one on another machine nothing is known. */
export function stateOf({ metadata }: KubernetesObject): 'alive' | 'dead' | 'unknown' {
  const owner = decodeOwner(metadata?.annotations?.[processAnnotation] ?? '');
  if (owner === undefined) return 'unknown';
  if (!isAlive(owner)) return 'dead';
  return owner.host === thisProcess().host ? 'alive' : 'unknown';
}

function inUse(namespace: string, run: string): EnvironmentError {
  return new EnvironmentError(
    `Namespace ${namespace} is in use by run ${run}, or was left behind by it`,
    'Wait for it, or when it does not run any more: ./conformance clean --kubeconfig FILE. Or choose other namespaces.',
  );
}
