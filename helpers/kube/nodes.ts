import type { V1Node } from '@kubernetes/client-node';

/** The nodes that a pod without tolerations may go to, and why the others take none. */
export interface Schedulable {
  readonly names: readonly string[];
  /** `node-3: taint dedicated=batch:NoSchedule`. */
  readonly leftOut: readonly string[];
}

/** Sorts a cluster's nodes into those that take an ordinary pod and those that do not. */
export function schedulable(nodes: readonly V1Node[]): Schedulable {
  const names: string[] = [];
  const leftOut: string[] = [];
  for (const node of nodes) {
    const name = node.metadata?.name ?? '';
    const why = refusal(node);
    if (why === undefined) names.push(name);
    else leftOut.push(`${name}: ${why}`);
  }
  return { names: names.sort(), leftOut: leftOut.sort() };
}

function refusal({ spec, status }: V1Node): string | undefined {
  if (spec?.unschedulable === true) return 'cordoned';
  const taint = spec?.taints?.find(({ effect }) => effect === 'NoSchedule' || effect === 'NoExecute');
  if (taint !== undefined) {
    return `taint ${taint.key}${taint.value === undefined ? '' : `=${taint.value}`}:${taint.effect}`;
  }
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')?.status;
  return ready === 'True' ? undefined : 'not ready';
}
