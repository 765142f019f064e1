import { hash } from 'node:crypto';
import type { KubernetesObject } from '@kubernetes/client-node';
import { apiStatus, type Kube } from './client.ts';

/** Every object of the cluster, by `apiVersion/kind namespace/name`, with a digest of what a user can set in it. */
export type Snapshot = ReadonlyMap<string, string>;

interface Listed extends KubernetesObject {
  readonly [field: string]: unknown;
}

/** Kinds that clusters write by themselves all the time and that no user applies. */
const volatileKinds = new Set([
  'Event',
  'Lease',
  'EndpointSlice',
  'Endpoints',
  'ControllerRevision',
  'ComponentStatus',
  'PodMetrics',
  'NodeMetrics',
  'CSINode',
  'CSIStorageCapacity',
  'IPAddress',
  'ReplicaSet',
]);

/**
 * Lists every listable kind of the cluster. What belongs to Istio is left out, and so is what the cluster
 * writes by itself: `ignore` decides per object.
 * @param scope Only these kinds in these namespaces
 */
export async function takeSnapshot(
  kube: Kube,
  ignore: (object: KubernetesObject) => boolean,
  scope?: {
    readonly kinds: readonly (readonly [apiVersion: string, kind: string])[];
    readonly namespaces: readonly string[];
  },
): Promise<Snapshot> {
  const resources: { readonly groupVersion: string; readonly kind: string; readonly namespace?: string }[] =
    scope === undefined
      ? await listableResources(kube)
      : scope.namespaces.flatMap((namespace) =>
          scope.kinds.map(([groupVersion, kind]) => ({ groupVersion, kind, namespace })),
        );
  const lists = await Promise.all(
    resources.map(async ({ groupVersion, kind, namespace }) => {
      try {
        const { items } = await kube.objects.list<Listed>(groupVersion, kind, namespace);
        return items.map((item) => ({ ...item, apiVersion: groupVersion, kind }));
      } catch (error) {
        // Of a fixed list the cluster need not know every kind: Istio's come with Istio.
        if (scope !== undefined && apiStatus(error) === 404) return [];
        throw error;
      }
    }),
  );
  const snapshot = new Map<string, string>();
  for (const object of lists.flat()) {
    if (ignore(object)) continue;
    const goes = object.metadata?.deletionTimestamp !== undefined;
    snapshot.set(keyOf(object), goes ? going : digestOf(object));
  }
  return snapshot;
}

/** In place of the digest of an object that is being deleted: an earlier run's, say, whose pod takes its time. */
export const going = 'being deleted';

/** A line for each object that is left behind, missing or changed; what was going already may be gone. */
export function compareSnapshots(before: Snapshot, after: Snapshot): string[] {
  const added = [...after.keys()].filter((key) => !before.has(key)).sort();
  const stays = [...before].filter(([, digest]) => digest !== going);
  const removed = stays.flatMap(([key]) => (after.has(key) ? [] : [key])).sort();
  const changed = stays.flatMap(([key, digest]) => {
    const now = after.get(key);
    return now !== undefined && now !== digest ? [key] : [];
  });
  return [
    ...added.map((key) => `left behind: ${key}`),
    ...removed.map((key) => `missing: ${key}`),
    ...changed.sort().map((key) => `changed: ${key}`),
  ];
}

/** True for what an Istio installation brings, by Istio's own labels and names. */
export function belongsToIstio(object: KubernetesObject): boolean {
  const { name = '', namespace = '', labels = {} } = object.metadata ?? {};
  if (namespace === 'istio-system' || (object.kind === 'Namespace' && name === 'istio-system')) return true;
  if (Object.keys(labels).some((label) => /^(operator\.|install\.operator\.|)istio\.io\//.test(label))) {
    return object.kind !== 'Namespace' && object.kind !== 'Pod';
  }
  // The API server makes an APIService for each group of a CustomResourceDefinition.
  if (object.kind === 'CustomResourceDefinition' || object.kind === 'APIService')
    return name.endsWith('.istio.io');
  // istiod puts its root certificate into every namespace.
  if (object.kind === 'ConfigMap') return name.startsWith('istio-ca-');
  return /^(istiod|istio-)/.test(name) && namespace === '';
}

async function listableResources(kube: Kube): Promise<{ groupVersion: string; kind: string }[]> {
  const { groups } = await kube.apis.getAPIVersions();
  const preferred = groups.map(
    ({ preferredVersion, versions }) => preferredVersion?.groupVersion ?? versions[0]?.groupVersion ?? '',
  );
  const perGroup = await Promise.all(
    ['v1', ...preferred]
      // Metrics are measurements, not objects, and their API is often not served yet.
      .filter((groupVersion) => groupVersion !== '' && !groupVersion.startsWith('metrics.k8s.io/'))
      .map(async (groupVersion) => {
        const kinds = await kindsOf(kube, groupVersion);
        return kinds.map((kind) => ({ groupVersion, kind }));
      }),
  );
  return perGroup.flat();
}

async function kindsOf(kube: Kube, groupVersion: string): Promise<string[]> {
  const [group = '', version = ''] = groupVersion.split('/');
  const list =
    groupVersion === 'v1'
      ? await kube.core.getAPIResources()
      : await kube.custom.getAPIResources({ group, version });
  return list.resources
    .filter(({ name, verbs }) => !name.includes('/') && verbs.includes('list'))
    .map(({ kind }) => kind)
    .filter((kind) => !volatileKinds.has(kind));
}

function keyOf({ apiVersion = '', kind = '', metadata }: KubernetesObject): string {
  const namespace = metadata?.namespace === undefined ? '' : `${metadata.namespace}/`;
  return `${apiVersion}/${kind} ${namespace}${metadata?.name ?? ''}`;
}

/** Digest without status and the metadata that the API server keeps for itself. */
function digestOf(object: Listed): string {
  const { metadata, status: _status, ...rest } = object;
  // Kubernetes' own components write into these as they run: their existence is compared, their content is not.
  const own = new Set(['Node', 'APIService', 'FlowSchema', 'PriorityLevelConfiguration', 'Pod', 'Addon']);
  if (own.has(object.kind ?? '') || metadata?.namespace?.startsWith('kube-') === true) return '';
  const labels = Object.entries(metadata?.labels ?? {}).filter(([key]) => !key.includes('istio'));
  return hash('sha256', JSON.stringify([labels.sort(), stable(rest)]));
}

/** The value with its fields in one order. */
export function stable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(stable);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, stable(inner)]),
  );
}
