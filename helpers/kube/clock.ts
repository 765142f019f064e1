import { readFile } from 'node:fs/promises';
import type { Kube } from './client.ts';
import { execOrThrow, type PodRef } from './exec.ts';

/** How a node's clock relates to this process's. */
export interface NodeClock {
  /** What to add to this process's time to get the node's, in milliseconds. */
  readonly offsetMs: number;
  /** How far that may be off, in milliseconds. */
  readonly uncertaintyMs: number;
}

const bootId = '/proc/sys/kernel/random/boot_id';

/**
 * The clock of a pod's node. Log lines carry the node's time, and an engine in a virtual machine, or a cluster
 * elsewhere, drifts apart from the runner. One kernel has one clock, so nothing is measured where both run on the same.
 */
export async function nodeClock(kube: Kube, target: PodRef): Promise<NodeClock> {
  const own = await readFile(bootId, 'utf8').catch(() => undefined);
  // `date` of busybox knows whole seconds only, so the pod waits for the next one to begin and tells which.
  const script = `cat ${bootId}; s=$(date +%s); [ "$(cat ${bootId})" = "$1" ] && exit; while t=$(date +%s); [ "$t" = "$s" ]; do :; done; echo "$t"`;
  const answer = await execOrThrow(kube, target, ['sh', '-c', script, 'sh', own?.trim() ?? '-']);
  const [theirs = '', second] = answer.trim().split('\n');
  if (second === undefined && theirs === own?.trim()) return { offsetMs: 0, uncertaintyMs: 0 };
  // The answer's way back is part of what is measured.
  return { offsetMs: Number(second) * 1000 - Date.now(), uncertaintyMs: 500 };
}
