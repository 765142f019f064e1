import { merge } from './merge.ts';
import type { Kube } from './client.ts';

/** `kubectl label namespace --overwrite`; null takes a label away. */
export async function labelNamespace(
  kube: Kube,
  name: string,
  labels: Readonly<Record<string, string | null>>,
): Promise<void> {
  await merge(kube, { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
}
