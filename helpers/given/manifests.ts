import { lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KubernetesObject } from '@kubernetes/client-node';
import { thrownAs, UsageError } from '../errors.ts';
import { nameOf } from '../kube/client.ts';
import { isKubernetesObject } from '../kube/manifests.ts';
import { documentsIn, placeOf, placeText, valueOf, type GivenDocument, type Place } from './document.ts';

/** An object of the user's manifests; plain data. */
export interface GivenObject extends Place {
  readonly object: KubernetesObject;
  /** The document it stands in. */
  readonly document: GivenDocument;
}

/** A file of the user's, read. */
export interface GivenFile {
  /** As the user said it. */
  readonly file: string;
  readonly text: string;
}

const extensions = /\.(?:ya?ml|json)$/;

/**
 * The files that a path means: itself, or of a folder the files in it that end as manifests do, by name; as `kubectl
 * apply -f` takes them.
 * @throws UsageError when there is none, or one cannot be read
 */
export async function readManifests(paths: readonly string[]): Promise<GivenFile[]> {
  const files: GivenFile[] = [];
  for (const path of paths) {
    const found = await lstat(path).catch(unreadable('--apply', path));
    if (!found.isDirectory()) {
      files.push(await readGiven('--apply', path));
      continue;
    }
    const names = (await readdir(path)).filter((name) => extensions.test(name)).sort();
    if (names.length === 0) {
      throw new UsageError(
        `--apply ${path}: the folder has no file that ends in .yaml, .yml or .json`,
        'Say a file, or a folder with manifests directly in it.',
      );
    }
    for (const name of names) files.push(await readGiven('--apply', join(path, name)));
  }
  return files;
}

/** @throws UsageError when it cannot be read */
export async function readGiven(flag: string, path: string): Promise<GivenFile> {
  return { file: path, text: await readFile(path, 'utf8').catch(unreadable(flag, path)) };
}

function unreadable(flag: string, path: string): (error: unknown) => never {
  return thrownAs(
    UsageError,
    `${flag} ${path} cannot be read`,
    'Say a file that exists and that this user may read.',
  );
}

/**
 * The objects of manifests, namespaces first, else in their order.
 * @throws UsageError with file and line for what is not YAML, no object, or there twice
 */
export function objectsIn(files: readonly GivenFile[]): GivenObject[] {
  const objects = files.flatMap(({ file, text }) => documentsIn(text, file).flatMap(objectsOf));
  const seen = new Map<string, Place>();
  for (const each of objects) {
    const name = nameOf(each.object);
    const earlier = seen.get(name);
    if (earlier !== undefined) {
      throw new UsageError(
        `${placeText(each)}: ${name} is there already, at ${placeText(earlier)}`,
        'Leave one of them out: the second would replace the first.',
      );
    }
    seen.set(name, each);
  }
  const isFirst = ({ object: { kind } }: GivenObject): boolean =>
    kind === 'Namespace' || kind === 'CustomResourceDefinition';
  return [...objects.filter(isFirst), ...objects.filter((each) => !isFirst(each))];
}

function objectsOf(document: GivenDocument): GivenObject[] {
  const value = valueOf(document);
  const { kind, items } = (value ?? {}) as { readonly kind?: unknown; readonly items?: unknown };
  if (typeof kind === 'string' && kind.endsWith('List') && Array.isArray(items)) {
    return items.map((item: unknown, index) => {
      const place = placeOf(document, ['items', index]) ?? document;
      return { ...placeOnly(place), document, object: asObject(item, place) };
    });
  }
  return [{ ...placeOnly(document), document, object: asObject(value, document) }];
}

function placeOnly({ file, line }: Place): Place {
  return { file, line };
}

function asObject(value: unknown, place: Place): KubernetesObject {
  if (!isKubernetesObject(value)) {
    throw new UsageError(
      `${placeText(place)}: this is no object of Kubernetes: it has no apiVersion, kind or metadata.name`,
      'Correct the file, or leave it out.',
    );
  }
  if (value.kind === 'IstioOperator') {
    throw new UsageError(
      `${placeText(place)}: an IstioOperator is no manifest to apply: nothing in a cluster heeds it`,
      'Say it by --istio-config FILE.',
    );
  }
  return value;
}
