import { PatchStrategy, type KubernetesObject } from '@kubernetes/client-node';
import { eventually } from '../eventually/eventually.ts';
import { timeouts } from '../timeouts.ts';
import { apiMessage, apiStatus, fieldManager, nameOf, type Kube } from './client.ts';

/**
 * `kubectl apply --server-side`: creates or changes the objects, in their order.
 * An object without a namespace goes into `namespace`, as `kubectl apply -n` does.
 * @returns the objects as the API server stored them
 */
export async function apply<T extends KubernetesObject>(
  kube: Kube,
  objects: readonly T[],
  namespace?: string,
): Promise<T[]> {
  const stored: T[] = [];
  for (const object of objects) stored.push(await applyOne(kube, placed(object, namespace)));
  return stored;
}

async function applyOne<T extends KubernetesObject>(kube: Kube, object: T): Promise<T> {
  try {
    return await kube.objects.patch(
      object,
      undefined,
      undefined,
      fieldManager,
      true,
      PatchStrategy.ServerSideApply,
    );
  } catch (error) {
    throw new Error(`Applying ${nameOf(object)} was refused: ${apiMessage(error)}`, { cause: error });
  }
}

/**
 * `kubectl delete`: asks for the deletion of each object and waits until all of them are gone.
 * An object that is not there counts as gone.
 */
export async function remove(
  kube: Kube,
  objects: readonly KubernetesObject[],
  namespace?: string,
): Promise<void> {
  await Promise.all(
    objects.map(async (object) => {
      const target = placed(object, namespace);
      try {
        await kube.objects.delete(target);
      } catch (error) {
        if (apiStatus(error) === 404) return;
        throw new Error(`Deleting ${nameOf(target)} was refused: ${apiMessage(error)}`, { cause: error });
      }
      await mustBeGone(kube, target);
    }),
  );
}

/** Waits until the object does not exist. */
async function mustBeGone(kube: Kube, object: KubernetesObject): Promise<void> {
  await eventually(
    `${nameOf(object)} to be gone`,
    async () => {
      const found = await find(kube, object);
      if (found === undefined) return;
      const finalizers = found.metadata?.finalizers ?? [];
      const held = finalizers.length > 0 ? `, held by finalizers ${finalizers.join(', ')}` : '';
      throw new Error(
        found.metadata?.deletionTimestamp === undefined
          ? 'it exists and is not being deleted'
          : `it is being deleted since ${new Date(found.metadata.deletionTimestamp).toISOString()}${held}`,
      );
    },
    { timeoutMs: timeouts.deletion, intervalMs: 250 },
  );
}

/** The object as stored, undefined when it does not exist (or its kind does not). */
export async function find<T extends KubernetesObject>(kube: Kube, object: T): Promise<T | undefined> {
  const { apiVersion = '', kind = '', metadata } = object;
  try {
    const { name = '', namespace } = metadata ?? {};
    return await kube.objects.read<T>({
      apiVersion,
      kind,
      metadata: namespace === undefined ? { name } : { name, namespace },
    });
  } catch (error) {
    if (apiStatus(error) === 404 || /unrecognized api version and kind/i.test(apiMessage(error))) {
      return undefined;
    }
    throw error;
  }
}

const clusterScoped = new Set(['Namespace', 'ClusterRole', 'ClusterRoleBinding', 'CustomResourceDefinition']);

function placed<T extends KubernetesObject>(object: T, namespace: string | undefined): T {
  const kind = object.kind ?? '';
  if (clusterScoped.has(kind) || object.metadata?.namespace !== undefined) return object;
  return { ...object, metadata: { ...object.metadata, namespace: namespace ?? 'default' } };
}
