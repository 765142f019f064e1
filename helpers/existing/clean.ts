import { kubeObject } from '../kube/manifests.ts';
import { find } from '../kube/apply.ts';
import { apiMessage, apiStatus, type Kube } from '../kube/client.ts';
import { lockName, stateOf } from './claim.ts';
import { installation, uninstallRecorded } from './installed.ts';
import { askingApi, readKubeconfig, serverVersion, type ExistingCluster } from './kubeconfig.ts';
import { namespaceNamed, ownNamespaces, removeOwned } from './owned.ts';
import { isOurs, isPrepared, runOf } from './ownership.ts';
import { existingCluster } from '../cluster/cluster.ts';

/** What was removed from an existing cluster, and what was left and why; for people. */
export interface Cleaned {
  readonly removed: readonly string[];
  readonly left: readonly string[];
}

/**
 * Removes what ended runs left in a cluster, by label: their namespaces, what is in prepared ones, and an Istio that one of
 * them installed. What a run of this machine is at work on stays.
 * @param names Namespaces to look at where the user may not ask for those with the label
 * @param force Also what a run of another machine made, which cannot be asked whether it still runs
 */
export async function cleanExisting(
  existing: ExistingCluster,
  names: readonly string[],
  force: boolean,
): Promise<Cleaned> {
  const kubeconfig = readKubeconfig(existing);
  await serverVersion(kubeconfig);
  return askingApi(kubeconfig, (kube) => cleanIn(kube, kubeconfig, names, force));
}

async function cleanIn(
  kube: Kube,
  kubeconfig: string,
  names: readonly string[],
  force: boolean,
): Promise<Cleaned> {
  const left: string[] = [];
  const mayGo = (what: string, run: string, state: ReturnType<typeof stateOf>): boolean => {
    if (state === 'alive') left.push(`${what}: run ${run} is at work on it`);
    else if (state === 'unknown' && !force)
      left.push(`${what}: run ${run} is another machine's; if it has ended, say --force`);
    else return true;
    return false;
  };
  const ended: string[] = [];
  for (const name of await candidates(kube, names)) {
    const namespace = await namespaceNamed(kube, name);
    if (namespace === undefined || !isOurs(namespace)) continue;
    const holder = isPrepared(namespace)
      ? await find(kube, kubeObject('ConfigMap', { name: lockName, namespace: name }))
      : namespace;
    if (holder === undefined || mayGo(`namespace ${name}`, runOf(holder) ?? '?', stateOf(holder)))
      ended.push(name);
  }
  const removed = await removeOwned(kube, ended);
  const installed = await installation(kube).catch(() => undefined);
  if (installed !== undefined && mayGo('Istio', runOf(installed) ?? '?', stateOf(installed))) {
    await uninstallRecorded(kube, existingCluster(kubeconfig, runOf(installed)), installed);
    removed.push('Istio, which a run installed');
  }
  return { removed, left };
}

async function candidates(kube: Kube, names: readonly string[]): Promise<readonly string[]> {
  try {
    return await ownNamespaces(kube);
  } catch (error) {
    if (apiStatus(error) === 403) return names;
    throw new Error(apiMessage(error), { cause: error });
  }
}
