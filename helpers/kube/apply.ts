import { PatchStrategy, type KubernetesObject } from '@kubernetes/client-node';
import { dressed } from './dress.ts';
import { eventually, Hopeless } from '../eventually/eventually.ts';
import { timeouts } from '../timeouts.ts';
import { apiMessage, apiStatus, fieldManager, nameOf, type Kube } from './client.ts';

/** The API server, or a webhook it asks, did not take it. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
}

/**
 * `kubectl apply --server-side`: creates or changes the objects, in their order.
 * An object without a namespace goes into `namespace`, as `kubectl apply -n` does. Fields that another `manager` set stay.
 * @returns the objects as the API server stored them
 */
export async function apply<T extends KubernetesObject>(
  kube: Kube,
  objects: readonly T[],
  namespace?: string,
  manager = fieldManager,
): Promise<T[]> {
  const stored: T[] = [];
  for (const object of objects) {
    const put = inNamespace(object, namespace);
    stored.push(await applyOne(kube, kube.dress === undefined ? put : dressed(put, kube.dress), manager));
  }
  return stored;
}

async function applyOne<T extends KubernetesObject>(kube: Kube, object: T, manager: string): Promise<T> {
  try {
    return await kube.objects.patch(
      object,
      undefined,
      undefined,
      manager,
      true,
      PatchStrategy.ServerSideApply,
    );
  } catch (error) {
    throw new RefusedError(`Applying ${nameOf(object)} was refused: ${apiMessage(error)}`, { cause: error });
  }
}

/**
 * `kubectl delete`: asks for the deletion of each object and waits until all of them are gone.
 * An object that does not exist counts as gone.
 */
export async function remove(
  kube: Kube,
  objects: readonly KubernetesObject[],
  namespace?: string,
): Promise<void> {
  await Promise.all(
    objects.map(async (object) => {
      const target = inNamespace(object, namespace);
      try {
        await kube.objects.delete(target);
      } catch (error) {
        if (apiStatus(error) === 404) return;
        throw new RefusedError(`Deleting ${nameOf(target)} was refused: ${apiMessage(error)}`, {
          cause: error,
        });
      }
      await mustBeGone(kube, target);
    }),
  );
}

async function mustBeGone(kube: Kube, object: KubernetesObject): Promise<void> {
  let heldSince: number | undefined;
  await eventually(
    `${nameOf(object)} to be gone`,
    async () => {
      const found = await find<Deletable>(kube, object);
      if (found === undefined) return;
      const { deletionTimestamp } = found.metadata ?? {};
      if (deletionTimestamp === undefined)
        throw new Error('it is there again, or its deletion has not begun');
      const held = heldBy(found);
      const since = `its deletion began at ${new Date(deletionTimestamp).toISOString()}`;
      const reason = held === undefined ? since : `${since}, and waits for ${held}`;
      heldSince = held === undefined ? undefined : (heldSince ?? performance.now());
      if (heldSince !== undefined && performance.now() - heldSince > timeouts.finalizer) {
        throw new Hopeless(reason);
      }
      throw new Error(reason);
    },
    { timeoutMs: timeouts.deletion, intervalMs: 250 },
  );
}

interface Deletable extends KubernetesObject {
  readonly status?: {
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly message?: string;
    }[];
  };
}

/** What keeps an object from going: finalizers of its own, or for a namespace those of what is in it. */
function heldBy({ metadata, status }: Deletable): string | undefined {
  // The garbage collector serves this one.
  const own = (metadata?.finalizers ?? []).filter((finalizer) => finalizer !== 'foregroundDeletion');
  if (own.length > 0) return `finalizers ${own.join(', ')}`;
  const inside = status?.conditions?.find(
    (condition) => condition.type === 'NamespaceFinalizersRemaining' && condition.status === 'True',
  );
  return inside === undefined ? undefined : `what is in it: ${inside.message ?? 'finalizers'}`;
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

/** Kinds without a namespace, as far as the suite or its user may apply them. */
export const clusterScoped: ReadonlySet<string> = new Set([
  'Namespace',
  'ClusterRole',
  'ClusterRoleBinding',
  'CustomResourceDefinition',
  'PriorityClass',
  'StorageClass',
  'PersistentVolume',
  'GatewayClass',
  'MutatingWebhookConfiguration',
  'ValidatingWebhookConfiguration',
]);

/** An object where `kubectl apply -n` puts it, in `default` unless it says where. */
export function inNamespace<T extends KubernetesObject>(object: T, namespace?: string): T {
  const kind = object.kind ?? '';
  if (clusterScoped.has(kind) || object.metadata?.namespace !== undefined) return object;
  return { ...object, metadata: { ...object.metadata, namespace: namespace ?? 'default' } };
}

/** `kubectl patch --type=merge`: sets the given fields of an object; null takes one away. */
export async function merge(
  kube: Kube,
  object: Pick<KubernetesObject, 'apiVersion' | 'kind'> & { readonly metadata: object },
): Promise<void> {
  await kube.objects.patch(object, undefined, undefined, undefined, undefined, PatchStrategy.MergePatch);
}

/** `kubectl label namespace --overwrite`; null takes a label away. */
export async function labelNamespace(
  kube: Kube,
  name: string,
  labels: Readonly<Record<string, string | null>>,
): Promise<void> {
  await merge(kube, { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
}
