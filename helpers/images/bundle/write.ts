import { createHash, type Hash } from 'node:crypto';
import type { Readable, Writable } from 'node:stream';
import { Transform } from 'node:stream';
import { addEntry, eachEntry, writeTar } from '../tar-entries.ts';
import { checksumsEntry, manifestEntry, type SetManifest } from './manifest.ts';

/**
 * Writes the file that carries a set: a `docker save` with two entries more, the manifest first and the checksums last.
 * So it is known before anything is unpacked what it is, and that it is whole.
 * @param sinks Compression and the file
 */
export async function writeBundle(
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
      checksums[manifestEntry] = createHash('sha256').update(text).digest('hex');
      await eachEntry(saved, async (header, body) => {
        const hash = createHash('sha256');
        await addEntry(out, header, body, hashing(hash));
        checksums[header.name] = hash.digest('hex');
      });
      out.entry({ name: checksumsEntry }, JSON.stringify(checksums));
    },
    sinks,
    signal,
  );
}

function hashing(hash: Hash): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(undefined, chunk);
    },
  });
}
