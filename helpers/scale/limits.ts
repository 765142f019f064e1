import type { V1Pod } from '@kubernetes/client-node';
import { EnvironmentError } from '../errors.ts';
import { apiStatus, type Kube } from '../kube/client.ts';
import { execOrThrow, type PodRef } from '../kube/exec.ts';
import { atOnce, type Load } from './load.ts';

/** Squid's own: its listeners, logs, helpers and a reserve. */
const squidsOwnFiles = 64;
/** Names of what the kubelet and the scheduler say of a pod that does not fit. */
const doesNotFit =
  /Too many pods|Insufficient (?:cpu|memory|pods)|OutOf(?:cpu|memory|pods)|OOMKilled|Evicted/;

/** @throws EnvironmentError naming the limit, when the nodes cannot carry so many pods more */
export async function clientsMustFit(kube: Kube, { clients }: Load): Promise<void> {
  const [nodes, pods] = await everything(kube);
  const room = nodes.reduce((sum, { status }) => sum + Number(status?.allocatable?.['pods'] ?? 0), 0);
  const running = pods.filter(
    ({ status }) => status?.phase === 'Running' || status?.phase === 'Pending',
  ).length;
  if (nodes.length === 0 || running + clients <= room) return;
  const where = nodes.length === 1 ? 'The node carries' : `The ${nodes.length} nodes carry`;
  throw limit(
    `${clients} clients do not fit: ${where.toLowerCase()} ${room} pods (the kubelet's maxPods), and ${running} are there`,
    `--clients ${Math.max(room - running, 1)} fits.`,
  );
}

/** @throws EnvironmentError when that is why the clients' pods do not become ready */
export function mustNotBeTooMany(said: string): void {
  const found = doesNotFit.exec(said)?.[0];
  if (found === undefined) return;
  throw limit(`The clients do not fit on the nodes (${found}): ${said}`, 'Run with fewer --clients.');
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
    `Of ${atOnce(load)} tunnels that were to be open at once, at most ${most} were, in wave ${wave}, though each was held for ${heldS} s`,
    'The machine is too slow, or too busy, for so many at once: fewer --clients or --tunnels.',
  );
}

function limit(message: string, hint: string): EnvironmentError {
  return new EnvironmentError(message, hint, { code: 'SCALE_LIMIT' });
}

async function everything(kube: Kube) {
  try {
    const [nodes, pods] = await Promise.all([kube.core.listNode(), kube.core.listPodForAllNamespaces()]);
    return [nodes.items, pods.items] as const;
  } catch (error) {
    // In somebody else's cluster one may not ask; the pods themselves will tell.
    if (apiStatus(error) !== 403) throw error;
    return [[], [] as V1Pod[]] as const;
  }
}
