import { createHash, hash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { access, constants, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { EnvironmentError, thrownAs, UsageError } from '../../errors.ts';
import type { Progress } from '../../progress/progress.ts';
import { exists } from '../../cache.ts';
import { explainDisk, megabytes, mustHaveSpace } from '../disk.ts';
import { engineArchitecture, inspectImage, saveImages } from '../../engine.ts';
import { ensureImageSet } from '../ensure.ts';
import { interruptible } from '../interruptible.ts';
import { systemImagesOf, type ImageSetRequest } from '../references.ts';
import { roles, type ImageSet } from '../roles.ts';
import { compressorFor } from './compression.ts';
import { type SetManifest, checksumsEntry, manifestEntry } from './manifest.ts';
import type { Readable, Transform, Writable } from 'node:stream';
import { addEntry, eachEntry, writeTar } from '../tar-entries.ts';

export interface SavedBundle {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly images: number;
}

/**
 * Checks where a set is to be saved, before anything slow.
 * @throws UsageError when the file exists and `force` is not set, or its folder cannot be written to
 */
export async function mustBeWritable(file: string, force: boolean): Promise<void> {
  const path = resolve(file);
  await access(dirname(path), constants.W_OK).catch(
    thrownAs(UsageError, `${dirname(path)} cannot be written to`, 'Make the folder first.'),
  );
  if (!(await exists(path))) return;
  if (!(await stat(path)).isFile()) {
    throw new UsageError(
      `${file} exists but is not a regular file.`,
      'Give the name of a file, e.g. set.tar.zst.',
    );
  }
  if (!force) throw new UsageError(`${file} exists already.`, 'Give another name, or --force to replace it.');
}

/**
 * Writes a whole set into one file, under another name until it is whole. What of the set is not here yet is pulled or
 * built first.
 * @throws UsageError, EnvironmentError as `ensureImageSet`, and when the disk is too small
 */
export async function saveBundle(
  request: ImageSetRequest,
  file: string,
  progress: Progress,
): Promise<SavedBundle> {
  const path = resolve(file);
  const manifest = await describe(request, await ensureImageSet(request, progress));
  const bytes = manifest.images.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  await mustHaveSpace(dirname(path), bytes, 'the set’s file', 'Free some, or save to another disk.');
  const unfinished = join(dirname(path), `.${basename(path)}.${process.pid}`);
  try {
    await interruptible('saving images', undefined, (signal) =>
      progress.phase(`Saving ${manifest.images.length} images`, async (report) => {
        const references = [...new Set(manifest.images.map(({ reference }) => reference))];
        const target = createWriteStream(unfinished, { flags: 'wx' });
        const tick = setInterval(() => {
          report(`${megabytes(target.bytesWritten)} written`);
        }, 500);
        try {
          await writeBundle(
            manifest,
            await saveImages(references, signal),
            [compressorFor(path), target],
            signal,
          );
        } finally {
          clearInterval(tick);
        }
      }),
    );
    await rename(unfinished, path);
  } catch (error) {
    throw explainDisk(error, dirname(path));
  } finally {
    await rm(unfinished, { force: true });
  }
  const sum = createHash('sha256');
  await pipeline(createReadStream(path), sum);
  return {
    path,
    sizeBytes: (await stat(path)).size,
    sha256: sum.digest('hex'),
    images: manifest.images.length,
  };
}

async function describe(request: ImageSetRequest, { images }: ImageSet): Promise<SetManifest> {
  const { istio, kubernetes, source, mirror, overrides = {} } = request;
  const listed: SetManifest['images'] = roles.map((role) => {
    const { reference, digest, sizeBytes } = images[role];
    return { role, reference, digest, sizeBytes };
  });
  for (const { reference } of systemImagesOf(request)) {
    const local = await inspectImage(reference);
    if (local === undefined) throw new EnvironmentError(`The engine lost ${reference}.`, 'Try again.');
    listed.push({ role: 'system', reference, ...local });
  }
  return {
    format: 'istio-external-proxy-conformance image set 1',
    createdAt: new Date().toISOString(),
    architecture: await engineArchitecture(),
    istio,
    kubernetes,
    source,
    ...(mirror === undefined ? {} : { mirror }),
    overrides,
    images: listed,
  };
}

/**
 * Writes the file that carries a set: a `docker save` with two entries more, the manifest first and the checksums last.
 * So it is known before anything is unpacked what it is, and that it is whole.
 * @param sinks Compression and the file
 */
async function writeBundle(
  manifest: SetManifest,
  saved: Readable,
  sinks: readonly [...Transform[], Writable],
  signal?: AbortSignal,
): Promise<void> {
  const checksums: Record<string, string> = {};
  await writeTar(
    async (out) => {
      const text = JSON.stringify(manifest, undefined, 2);
      out.entry({ name: manifestEntry }, text);
      checksums[manifestEntry] = hash('sha256', text);
      await eachEntry(saved, async (header, body) => {
        const sum = createHash('sha256');
        body.on('data', (chunk: Buffer) => sum.update(chunk));
        await addEntry(out, header, body);
        checksums[header.name] = sum.digest('hex');
      });
      out.entry({ name: checksumsEntry }, JSON.stringify(checksums));
    },
    sinks,
    signal,
  );
}
