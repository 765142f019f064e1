import { hash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rename, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { inCache, withTemporaryFolder } from '../cache.ts';
import { explainDisk, mustHaveSpace } from './disk.ts';
import { saveImages } from '../engine.ts';
import { writeRenamed } from './rename.ts';
import type { ImageSet } from './roles.ts';

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
