import type { KubernetesObject } from '@kubernetes/client-node';
import { fieldManager } from '../kube/client.ts';

/** On everything that a run creates in an existing cluster. */
export const ownerLabel = 'app.kubernetes.io/managed-by';
/** The run that made it. */
export const runLabel = `${fieldManager}/run`;
/** On a namespace that was prepared for the suite: a run uses it, empties it and leaves it. */
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
