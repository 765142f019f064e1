import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { ContainerRuntimeClient } from 'testcontainers';

const intervalMs = 500;

/** Most memory that was seen in use at once, in bytes; undefined where it could not be read. */
export interface Peak {
  /** Resident memory of the process and all its descendants (Linux). */
  runnerBytes: number | undefined;
  /** The nodes' containers together, without the file cache that they could give back. */
  nodeBytes: number | undefined;
  /** CPU seconds of the nodes' containers in this time. */
  nodeCpuSeconds: number | undefined;
}

/** Looks at a process tree and nodes until the signal comes. `nodes` gives the containers, once there are some. */
export async function watchMemory(
  pid: number,
  nodes: () => Promise<readonly string[]>,
  { container: { dockerode } }: ContainerRuntimeClient,
  signal: AbortSignal,
): Promise<Peak> {
  const peak: Peak = { runnerBytes: undefined, nodeBytes: undefined, nodeCpuSeconds: undefined };
  const cpu = new Map<string, { readonly first: number; readonly last: number }>();
  while (!signal.aborted) {
    peak.runnerBytes = larger(peak.runnerBytes, await treeBytes(pid));
    let bytes: number | undefined;
    for (const id of await nodes().catch(() => [])) {
      const stats = await statsOf(dockerode.getContainer(id));
      if (stats === undefined) continue;
      bytes = (bytes ?? 0) + stats.bytes;
      cpu.set(id, { first: cpu.get(id)?.first ?? stats.cpuSeconds, last: stats.cpuSeconds });
    }
    if (bytes !== undefined) {
      peak.nodeBytes = larger(peak.nodeBytes, bytes);
      peak.nodeCpuSeconds = [...cpu.values()].reduce((sum, { first, last }) => sum + last - first, 0);
    }
    await delay(intervalMs, undefined, { signal }).catch(() => undefined);
  }
  return peak;
}

function larger(known: number | undefined, seen: number | undefined): number | undefined {
  return seen === undefined ? known : Math.max(known ?? 0, seen);
}

/** @returns undefined when the process is gone, or there is no /proc */
async function treeBytes(pid: number): Promise<number | undefined> {
  try {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
    const own = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
    const below = await Promise.all(
      children
        .split(' ')
        .filter((child) => child.trim() !== '')
        .map((child) => treeBytes(Number(child))),
    );
    return below.reduce<number>((sum, bytes) => sum + (bytes ?? 0), own);
  } catch {
    return undefined;
  }
}

interface EngineStats {
  readonly memory_stats: { readonly usage?: number; readonly stats?: Readonly<Record<string, number>> };
  readonly cpu_stats: { readonly cpu_usage: { readonly total_usage: number } };
}

async function statsOf(
  container: ReturnType<ContainerRuntimeClient['container']['dockerode']['getContainer']>,
): Promise<{ bytes: number; cpuSeconds: number } | undefined> {
  try {
    const stats = (await container.stats({ stream: false, 'one-shot': true })) as unknown as EngineStats;
    const { usage, stats: detail = {} } = stats.memory_stats;
    if (usage === undefined) return undefined;
    // cgroup v1 and v2 name it differently.
    const cache = detail['total_inactive_file'] ?? detail['inactive_file'] ?? 0;
    return { bytes: usage - cache, cpuSeconds: stats.cpu_stats.cpu_usage.total_usage / 1e9 };
  } catch {
    return undefined;
  }
}
