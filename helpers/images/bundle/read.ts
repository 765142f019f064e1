import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { PassThrough, type Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { messageOf, thrownAs, UsageError } from '../../errors.ts';
import { loadImages } from '../../engine.ts';
import { addEntry, eachEntry, writeTar } from '../tar-entries.ts';
import { decompressorFor } from './compression.ts';
import {
  checksumsEntry,
  checksumsSchema,
  manifestEntry,
  manifestSchema,
  type SetManifest,
} from './manifest.ts';

/** Tells how far reading has got: the bytes of the file that were read, and all of them. */
type Report = (read: number, of: number) => void;

/** Ends the reading of a file of which enough is known. */
class Enough extends Error {}

/**
 * What a file carries, read from its beginning alone.
 * @throws UsageError when it is no file of `images save`, or cannot be read
 */
export async function readManifest(file: string): Promise<SetManifest> {
  let manifest: SetManifest | undefined;
  try {
    await eachEntry(await bytesOf(file), async (header, body) => {
      if (header.name === manifestEntry) manifest = manifestSchema.parse(JSON.parse(await text(body)));
      throw new Enough();
    });
  } catch (error) {
    if (!(error instanceof Enough)) throw foreign(file, error);
  }
  if (manifest === undefined) throw foreign(file, 'it begins with something else');
  return manifest;
}

/**
 * Reads a file from beginning to end, and compares every part with the checksum that was written at its end.
 * @throws UsageError when it was cut off or changed on the way
 */
export async function bundleMustBeWhole(file: string, report: Report, signal?: AbortSignal): Promise<void> {
  const found = new Map<string, string>();
  let written: Record<string, string> | undefined;
  try {
    await eachEntry(await bytesOf(file, report, signal), async (header, body) => {
      if (header.name === checksumsEntry) {
        written = checksumsSchema.parse(JSON.parse(await text(body)));
        return;
      }
      const hash = createHash('sha256');
      await pipeline(body, hash);
      found.set(header.name, hash.digest('hex'));
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw broken(file, messageOf(error));
  }
  if (written === undefined) throw broken(file, 'its end, with the checksums, is missing');
  const wrong = Object.entries(written).find(([name, sum]) => found.get(name) !== sum)?.[0];
  if (wrong !== undefined)
    throw broken(file, `${wrong} in it does not have the checksum that was written with it`);
  const surplus = [...found.keys()].find((name) => written?.[name] === undefined);
  if (surplus !== undefined) throw broken(file, `${surplus} in it has no checksum`);
}

/** Hands the images to the engine, without what is ours in the file. */
export async function loadBundle(file: string, report: Report, signal?: AbortSignal): Promise<void> {
  const images = new PassThrough();
  const own = [manifestEntry, checksumsEntry];
  const source = await bytesOf(file, report, signal);
  const written = writeTar(
    (out) =>
      eachEntry(source, async (header, body) => {
        if (own.includes(header.name)) body.resume();
        else await addEntry(out, header, body);
      }),
    [images],
    signal,
  );
  try {
    await Promise.all([written, loadImages(images)]);
  } finally {
    images.destroy();
    written.catch(() => undefined);
  }
}

async function bytesOf(file: string, report?: Report, signal?: AbortSignal): Promise<Readable> {
  const { start, size } = await startOf(file);
  const decompressed = decompressorFor(start);
  const bytes = createReadStream(file, { highWaterMark: 1 << 20 });
  bytes.on('data', () => report?.(bytes.bytesRead, size));
  // Its error reaches whoever reads the second of them.
  pipeline([bytes, decompressed], signal === undefined ? {} : { signal }).catch(() => undefined);
  return decompressed;
}

async function startOf(file: string): Promise<{ start: Buffer; size: number }> {
  const unreadable = thrownAs(
    UsageError,
    `${file} cannot be read`,
    'Give the file that `images save` wrote.',
  );
  await using handle = await open(file).catch(unreadable);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0).catch(unreadable);
  return { start: buffer.subarray(0, bytesRead), size: (await handle.stat()).size };
}

function foreign(file: string, error: unknown): UsageError {
  if (error instanceof UsageError) return error;
  return new UsageError(
    `${file} is not a file that \`images save\` wrote, or its beginning is damaged: ${messageOf(error)}`,
    'Compare its sha256 with the one that `images save` printed.',
    { cause: error },
  );
}

function broken(file: string, problem: string): UsageError {
  return new UsageError(
    `${basename(file)} is not whole: ${problem}. Nothing of it was loaded.`,
    'Carry it over again; its sha256 must be the one that `images save` printed.',
  );
}
