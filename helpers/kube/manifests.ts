import { readFile } from 'node:fs/promises';
import type { KubernetesObject, V1ObjectMeta } from '@kubernetes/client-node';
import { parseAllDocuments } from 'yaml';
import { thrownAs, UsageError } from '../errors.ts';

const root = new URL('../../', import.meta.url);

/**
 * The text of a fixture, as it is when it is asked for.
 * @param path In a checkout, e.g. `fixtures/origin/origin.yaml`
 * @throws UsageError when the file cannot be read
 */
export async function fixtureText(path: string): Promise<string> {
  return readFile(new URL(path, root), 'utf8').catch(
    thrownAs(UsageError, `${path} cannot be read`, 'Restore the file: git checkout -- fixtures'),
  );
}

/** The objects of a fixture, with its `${NAMES}` filled in. */
export async function fixtureObjects(
  path: string,
  values: Readonly<Record<string, string>>,
): Promise<KubernetesObject[]> {
  return parseManifests(render(await fixtureText(path), values, path), path);
}

/**
 * The objects of a YAML text with one or more documents, empty ones left out.
 * @throws UsageError naming `origin` when the text is not YAML or holds something that is no object of Kubernetes.
 */
export function parseManifests(text: string, origin: string): KubernetesObject[] {
  const objects: KubernetesObject[] = [];
  for (const document of parseAllDocuments(text)) {
    const [error] = document.errors;
    if (error !== undefined) {
      throw new UsageError(`${origin} is not valid YAML: ${error.message}`, 'Correct the file.');
    }
    const value: unknown = document.toJS();
    if (value === null || value === undefined) continue;
    if (!isKubernetesObject(value)) {
      throw new UsageError(
        `${origin} holds a document without apiVersion, kind and metadata.name`,
        'Correct the file.',
      );
    }
    objects.push(value);
  }
  return objects;
}

export function isKubernetesObject(value: unknown): value is KubernetesObject {
  if (typeof value !== 'object' || value === null) return false;
  const { apiVersion, kind, metadata } = value as Record<string, unknown>;
  return (
    typeof apiVersion === 'string' &&
    typeof kind === 'string' &&
    typeof metadata === 'object' &&
    metadata !== null &&
    typeof (metadata as Record<string, unknown>)['name'] === 'string'
  );
}

/** Puts each `${NAME}` of a manifest's text in place, as a shell would; a name without a value is an error. */
export function render(text: string, values: Readonly<Record<string, string>>, origin: string): string {
  return text.replace(/\$\{([A-Z_]+)\}/g, (_match, name: string) => {
    const value = values[name];
    if (value === undefined) {
      throw new UsageError(`${origin} asks for \${${name}}, which has no value`, 'Correct the file.');
    }
    return value;
  });
}

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

const versions = {
  ...{ ConfigMap: 'v1', Namespace: 'v1', Pod: 'v1', Secret: 'v1', Service: 'v1', ServiceAccount: 'v1' },
  Deployment: 'apps/v1',
} as const;

/** An object of one of Kubernetes' own kinds: by its name alone to find or remove it, with its fields to apply it. */
export function kubeObject<
  Metadata extends V1ObjectMeta & { readonly name: string },
  Fields extends object = object,
>(
  kind: keyof typeof versions,
  metadata: Metadata,
  fields?: Fields,
): KubernetesObject & { readonly metadata: Metadata } & Fields {
  return { apiVersion: versions[kind], kind, metadata, ...(fields as Fields) };
}

/** A namespace as an object, for `apply` and `remove`. */
export function namespaceObject(name: string, labels?: Readonly<Record<string, string>>): KubernetesObject {
  return kubeObject('Namespace', labels === undefined ? { name } : { name, labels });
}
