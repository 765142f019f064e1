import type { KubernetesObject } from '@kubernetes/client-node';

/** Where the document's objects and the suite's own destination go. */
export interface Namespaces {
  /** Of the client in the mesh, and of the ServiceEntry. */
  readonly mesh: string;
  /** Of the proxy and the client outside the mesh. */
  readonly external: string;
  /** Of the hermetic destination, where there is one. */
  readonly origin: string;
}

/** Namespace of the hermetic destination in a cluster of the suite's own. */
export const originNamespace = 'conformance-origin';

/** An object in the namespace that stands for its own, or such a namespace itself under its other name. */
export function movedTo(names: ReadonlyMap<string, string>, object: KubernetesObject): KubernetesObject {
  const { name = '', namespace } = object.metadata ?? {};
  if (object.kind === 'Namespace')
    return { ...object, metadata: { ...object.metadata, name: names.get(name) ?? name } };
  if (namespace === undefined) return object;
  return { ...object, metadata: { ...object.metadata, namespace: names.get(namespace) ?? namespace } };
}

/** A namespace as an object, for `apply` and `remove`. */
export function namespaceObject(name: string): KubernetesObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
}
