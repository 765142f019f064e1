import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rename, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { inCache } from './cache.ts';
import { explainDisk, mustHaveSpace } from './disk.ts';
import { saveImages } from './engine.ts';
import type { ImageSet, ResolvedImage } from './roles.ts';
import { withTemporaryFolder } from './temporary.ts';

type Archive = ImageSet['archive'];

/** Names the archive by what is in it: the references, since pods ask by them, and the images' IDs. */
export function archiveDigest(images: readonly Pick<ResolvedImage, 'reference' | 'digest'>[]): string {
  const lines = images.map(({ reference, digest }) => `${reference} ${digest}`).sort();
  return createHash('sha256').update(lines.join('\n')).digest('hex');
}

/** The archive of these images if it is in the cache. */
export async function findArchive(images: readonly ResolvedImage[]): Promise<Archive | undefined> {
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
export async function writeArchive(images: readonly ResolvedImage[], signal?: AbortSignal): Promise<Archive> {
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
      const images_ = await saveImages(
        images.map(({ reference }) => reference),
        signal,
      );
      await pipeline(images_, createWriteStream(unfinished), signal === undefined ? {} : { signal });
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
