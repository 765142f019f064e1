import type { V1Node, V1Pod } from '@kubernetes/client-node';
import { EnvironmentError } from '../errors.ts';
import { sidecarOf } from '../istio/sidecar.ts';
import { apiStatus, type Kube } from '../kube/client.ts';
import { execOrThrow, type PodRef } from '../kube/exec.ts';
import { atOnce, type Load } from './load.ts';

const inotifyLimit = '/proc/sys/fs/inotify/max_user_instances';
/** Squid's own: its listeners, logs, helpers and a reserve. */
const squidsOwnFiles = 64;
/** Of each sidecar: pilot-agent watches with two, Envoy with one; all run as the same user (seen with Istio 1.29.1). */
const inotifyOfSidecar = 3;
/** Names of what the kubelet and the scheduler say of a pod that does not fit. */
const doesNotFit =
  /Too many pods|Insufficient (?:cpu|memory|pods)|OutOf(?:cpu|memory|pods)|OOMKilled|Evicted|too many open files/;

/**
 * @param onNode A pod of a node, to ask for its kernel's limits
 * @throws EnvironmentError naming the limit, when the nodes cannot carry so many pods more
 */
export async function clientsMustFit(kube: Kube, { clients }: Load, onNode: PodRef): Promise<void> {
  const { nodes, pods } = await everything(kube);
  const room = nodes.reduce((sum, { status }) => sum + Number(status?.allocatable?.['pods'] ?? 0), 0);
  const there = pods.filter(({ status }) => status?.phase === 'Running' || status?.phase === 'Pending');
  if (nodes.length > 0 && there.length + clients > room) {
    const where = nodes.length === 1 ? 'the node carries' : `the ${nodes.length} nodes carry`;
    throw limit(
      `${clients} clients do not fit: ${where} ${room} pods (the kubelet's maxPods), and ${there.length} are there`,
      `--clients ${Math.max(room - there.length, 1)} fits.`,
    );
  }
  const instances = Number(await execOrThrow(kube, onNode, ['cat', inotifyLimit]));
  const sidecars = clients + there.filter((pod) => sidecarOf(pod) !== undefined).length;
  const onEach = Math.ceil(sidecars / Math.max(nodes.length, 1));
  const needed = onEach * inotifyOfSidecar;
  if (needed <= instances) return;
  const each = nodes.length > 1 ? ' on each node' : '';
  throw limit(
    `${sidecars} sidecars need ${needed} inotify instances of one user${each}, and the kernel gives ${instances} (fs.inotify.max_user_instances); a sidecar beyond that ends with "too many open files"`,
    `On the node's machine: sysctl fs.inotify.max_user_instances=${2 ** Math.ceil(Math.log2(needed * 2))}; or run with fewer --clients.`,
  );
}

/**
 * @param said What was waited for in vain, and the last words of a sidecar that keeps ending
 * @throws EnvironmentError when a limit is why the clients' pods do not become ready
 */
export function mustNotBeTooMany(said: string): void {
  const found = doesNotFit.exec(said)?.[0];
  if (found === undefined) return;
  const hint =
    found === 'too many open files'
      ? 'The sidecars of all clusters on a machine share fs.inotify.max_user_instances: raise it with sysctl, or run with fewer --clients.'
      : 'Run with fewer --clients.';
  throw limit(`The clients do not fit on the nodes (${found}): ${said}`, hint);
}

/**
 * Squid needs two files for each tunnel, one for each side.
 * @throws EnvironmentError naming the limit, when it may not open as many
 */
export async function squidMustHaveFiles(kube: Kube, squid: PodRef, load: Load): Promise<number> {
  const script = [
    'for p in /proc/[0-9]*; do',
    '  case $(cat $p/comm 2>/dev/null) in squid*) sed -n "s/^Max open files *\\([0-9]*\\).*/process \\1/p" $p/limits 2>/dev/null;; esac',
    'done',
    'sed -n "s/^ *max_filedescriptors[ \\t]*\\([0-9]*\\).*/configured \\1/p" /etc/squid/squid.conf',
  ].join('\n');
  const said = await execOrThrow(kube, squid, ['sh', '-c', script]);
  const allowed = [...said.matchAll(/^(process|configured) (\d+)$/gm)].filter(([, , files]) => files !== '0');
  const [least] = allowed.sort((a, b) => Number(a[2]) - Number(b[2]));
  const files = Number(least?.[2] ?? Infinity);
  const needed = 2 * atOnce(load) + squidsOwnFiles;
  if (needed <= files) return files;
  const whose =
    least?.[1] === 'configured'
      ? 'max_filedescriptors in its configuration'
      : "the open files its container's process may have";
  throw limit(
    `${atOnce(load)} tunnels at once need about ${needed} of Squid's file descriptors, and it may open ${files} (${whose})`,
    'Run with fewer --clients or --tunnels, or raise that limit.',
  );
}

/** @throws EnvironmentError: the load that was asked for was not there, so nothing was shown */
export function mustHaveBeenAtOnce(load: Load, wave: number, most: number, heldS: number): void {
  if (most >= atOnce(load)) return;
  throw limit(
    `Wave ${wave} had at most ${most} of ${atOnce(load)} tunnels open at once, though each was held for ${heldS} s`,
    'The machine is too slow or too busy: run with fewer --clients or --tunnels.',
  );
}

function limit(message: string, hint: string): EnvironmentError {
  return new EnvironmentError(message, hint, { code: 'SCALE_LIMIT' });
}

async function everything(kube: Kube): Promise<{ readonly nodes: V1Node[]; readonly pods: V1Pod[] }> {
  try {
    const [nodes, pods] = await Promise.all([kube.core.listNode(), kube.core.listPodForAllNamespaces()]);
    return { nodes: nodes.items, pods: pods.items };
  } catch (error) {
    // In an existing cluster this may be forbidden; the pods themselves will show it.
    if (apiStatus(error) !== 403) throw error;
    return { nodes: [], pods: [] };
  }
}
