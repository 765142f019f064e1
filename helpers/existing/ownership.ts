import type { KubernetesObject } from '@kubernetes/client-node';
import { fieldManager } from '../kube/client.ts';

/** On everything that is put into somebody else's cluster. */
export const ownerLabel = 'app.kubernetes.io/managed-by';
/** The run that made it. */
export const runLabel = `${fieldManager}/run`;
/** On a namespace that somebody made for the suite: it is used and emptied, and stays. */
export const preparedLabel = `${fieldManager}/prepared`;
/** On a namespace: the process whose run made it, as cluster/labels.ts writes it. */
export const processAnnotation = `${fieldManager}/process`;

/** Labels of what a run makes. */
export function labelsOf(runId: string): Record<string, string> {
  return { [ownerLabel]: fieldManager, [runLabel]: runId };
}

/** Whether the suite may use it. */
export function isOurs({ metadata }: KubernetesObject): boolean {
  return metadata?.labels?.[ownerLabel] === fieldManager;
}

export function isPrepared({ metadata }: KubernetesObject): boolean {
  return metadata?.labels?.[preparedLabel] === 'true';
}

/** The run that made it; undefined where it was prepared by hand. */
export function runOf({ metadata }: KubernetesObject): string | undefined {
  return metadata?.labels?.[runLabel];
}
