import { PatchStrategy, type KubernetesObject } from '@kubernetes/client-node';
import type { Kube } from './client.ts';

/** `kubectl patch --type=merge`: sets the given fields of an object; null takes one away. */
export async function merge(
  kube: Kube,
  object: Pick<KubernetesObject, 'apiVersion' | 'kind'> & {
    readonly metadata: object;
    readonly [field: string]: unknown;
  },
): Promise<void> {
  await kube.objects.patch(object, undefined, undefined, undefined, undefined, PatchStrategy.MergePatch);
}
