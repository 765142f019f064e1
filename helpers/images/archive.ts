import { hash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rename, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { inCache, withTemporaryFolder } from '../cache.ts';
import { explainDisk, mustHaveSpace } from './disk.ts';
import { saveImages } from '../engine.ts';
import type { ImageSet } from './roles.ts';
import { parseReference } from './reference.ts';
import { addEntry, eachEntry, writeTar } from './tar-entries.ts';

type Archive = ImageSet['archive'];

/** An image as the archive holds it. */
export interface ArchivedImage {
  /** What the engine has it by. */
  readonly reference: string;
  /** What the node is to have it by: another one only for k3s's own images of a mirror, for which k3s asks by their published names. */
  readonly name: string;
  /** The engine's image ID. */
  readonly digest: string;
  readonly sizeBytes: number;
}

/** Names the archive by what is in it: the names, since pods ask by them, and the images' IDs. */
export function archiveDigest(images: readonly Pick<ArchivedImage, 'name' | 'digest'>[]): string {
  const lines = images.map(({ name, digest }) => `${name} ${digest}`).sort();
  return hash('sha256', lines.join('\n'));
}

export async function findArchive(images: readonly ArchivedImage[]): Promise<Archive | undefined> {
  const digest = archiveDigest(images);
  const path = archivePath(digest);
  try {
    return { path, digest, sizeBytes: (await stat(path)).size };
  } catch {
    return undefined;
  }
}

/**
 * Writes the images as one archive that a node imports at its start: `docker save`, under a temporary name
 * until it is whole.
 * @throws EnvironmentError when the disk is full
 */
export async function writeArchive(images: readonly ArchivedImage[], signal?: AbortSignal): Promise<Archive> {
  const digest = archiveDigest(images);
  const path = archivePath(digest);
  const folder = dirname(path);
  // Layers that images share are in it once, so this is more than enough.
  await mustHaveSpace(
    folder,
    images.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    'the archive of the pods’ images',
  );
  await mkdir(folder, { recursive: true });
  return withTemporaryFolder(async (temporary) => {
    const unfinished = join(temporary, 'images.tar');
    try {
      const saved = await saveImages(
        images.map(({ reference }) => reference),
        signal,
      );
      const names = new Map(images.map(({ reference, name }) => [reference, name]));
      const file = createWriteStream(unfinished);
      if (images.every(({ reference, name }) => reference === name)) {
        await pipeline(saved, file, signal === undefined ? {} : { signal });
      } else {
        await writeRenamed(saved, names, file, signal);
      }
      await rename(unfinished, path);
    } catch (error) {
      throw explainDisk(error, folder);
    }
    return { path, digest, sizeBytes: (await stat(path)).size };
  });
}

function archivePath(digest: string): string {
  return inCache('archives', `${digest.slice(0, 16)}.tar`);
}

/** The files of a `docker save` that name its images: Docker's own, and since Docker 25 those of an OCI layout. */
const naming = ['manifest.json', 'repositories', 'index.json'];

/**
 * Writes a `docker save` with images under other names than the engine has them by; tagging them there would change
 * what other users of the engine see under those names.
 * @param names Name in the engine → name to be written
 */
export async function writeRenamed(
  saved: Readable,
  names: ReadonlyMap<string, string>,
  sink: Writable,
  signal?: AbortSignal,
): Promise<void> {
  await writeTar(
    (out) =>
      eachEntry(saved, async (header, body) => {
        if (!naming.includes(header.name)) {
          await addEntry(out, header, body);
          return;
        }
        const changed = Buffer.from(renamedJson(await text(body), names));
        out.entry({ ...header, size: changed.length }, changed);
      }),
    [sink],
    signal,
  );
}

/** One of those files with the names in it replaced. Docker leaves `docker.io/` out of them, containerd does not. */
export function renamedJson(json: string, names: ReadonlyMap<string, string>): string {
  const byName = new Map([...names].map(([from, to]) => [fullName(from), to]));
  const replace = (value: unknown): unknown => {
    if (typeof value === 'string') return /[:/]/.test(value) ? (byName.get(fullName(value)) ?? value) : value;
    if (Array.isArray(value)) return value.map(replace);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, replace(inner)]));
  };
  const parsed: unknown = JSON.parse(json);
  return JSON.stringify(isRepositories(parsed) ? renamedRepositories(parsed, byName) : replace(parsed));
}

type Repositories = Record<string, Record<string, string>>;

/** `{"istio/pilot": {"1.29.1": "<layer>"}}`: name and tag are apart there. */
function isRepositories(value: unknown): value is Repositories {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !('manifests' in value);
}

function renamedRepositories(repositories: Repositories, byName: ReadonlyMap<string, string>): Repositories {
  const result: Repositories = {};
  for (const [repository, tags] of Object.entries(repositories)) {
    for (const [tag, layer] of Object.entries(tags)) {
      const name = byName.get(fullName(`${repository}:${tag}`)) ?? `${repository}:${tag}`;
      const colon = name.lastIndexOf(':');
      (result[name.slice(0, colon)] ??= {})[name.slice(colon + 1)] = layer;
    }
  }
  return result;
}

function fullName(reference: string): string {
  const { registry, repository, version } = parseReference(reference);
  return `${registry}/${repository}:${version}`;
}
