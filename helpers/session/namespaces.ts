import type { KubernetesObject } from '@kubernetes/client-node';

/** Where the document's objects go, and the suite's own destination. */
export interface Namespaces {
  /** Of the client in the mesh, and of the ServiceEntry. */
  readonly mesh: string;
  /** Of the proxy and the client outside the mesh. */
  readonly external: string;
  /** Of the hermetic destination, where there is one. */
  readonly origin: string;
}

/** As the document has them. */
export const documentNamespaces: Namespaces = {
  mesh: 'default',
  external: 'external',
  origin: 'conformance-origin',
};

/** An object of the document's, or one of its namespaces, in or as the namespace that stands for it. */
export function movedTo(namespaces: Namespaces, object: KubernetesObject): KubernetesObject {
  const names = new Map<string, string>([
    [documentNamespaces.mesh, namespaces.mesh],
    [documentNamespaces.external, namespaces.external],
    [documentNamespaces.origin, namespaces.origin],
  ]);
  const { name = '', namespace } = object.metadata ?? {};
  if (object.kind === 'Namespace')
    return { ...object, metadata: { ...object.metadata, name: names.get(name) ?? name } };
  if (namespace === undefined) return object;
  return { ...object, metadata: { ...object.metadata, namespace: names.get(namespace) ?? namespace } };
}
