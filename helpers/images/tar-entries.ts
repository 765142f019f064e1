import { Readable, type Transform, type Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { extract, pack, type Header, type Pack } from 'tar-stream';

export type { Header, Pack };

/**
 * Calls `visit` with each entry of a tar in turn; it must read the body to its end.
 * @throws Error when the tar ends early or is none
 */
export async function eachEntry(
  archive: Readable,
  visit: (header: Header, body: Readable) => Promise<void>,
): Promise<void> {
  const entries = extract();
  const fed = pipeline(archive, asWritable(entries));
  // What breaks the archive ends the loop as well, and what breaks the loop is the one to tell.
  fed.catch(() => undefined);
  try {
    for await (const entry of entries) await visit(entry.header, Readable.from(entry));
    await fed;
  } finally {
    archive.destroy();
  }
}

export interface TarFile {
  readonly path: string;
  readonly text: string;
}

/** The plain files of a tar as text. */
export async function tarFiles(archive: Readable): Promise<TarFile[]> {
  const files: TarFile[] = [];
  await eachEntry(archive, async ({ name, type }, body) => {
    const content = await text(body);
    if (type === 'file') files.push({ path: name, text: content });
  });
  return files;
}

/**
 * Writes a tar that `make` composes, through transforms into the last of `sinks`. Ends as soon as either side fails.
 * @param make Adds entries; the tar's end is added for it
 */
export async function writeTar(
  make: (out: Pack) => Promise<void>,
  sinks: readonly [...Transform[], Writable],
  signal?: AbortSignal,
): Promise<void> {
  const out = pack();
  const made = make(out).then(
    () => {
      out.finalize();
    },
    (error: unknown) => {
      out.destroy(error instanceof Error ? error : new Error(String(error)));
      throw error;
    },
  );
  const written = pipeline([Readable.from(out), ...sinks], signal === undefined ? {} : { signal });
  // Whichever side fails first says why; the other then only tells that it was cut off.
  try {
    await Promise.all([made, written]);
  } finally {
    made.catch(() => undefined);
    written.catch(() => undefined);
    out.destroy();
  }
}

export async function addEntry(out: Pack, header: Header, body: Readable): Promise<void> {
  if (header.type !== 'file' && header.type !== 'contiguous-file') {
    // Folders have no body, nor do links: with those Docker up to 24 stores a layer that images share once.
    body.resume();
    out.entry(header);
    return;
  }
  await pipeline(body, asWritable(out.entry(header)));
}

/** streamx's streams are Node's in all but their types. */
function asWritable(stream: unknown): Writable {
  return stream as Writable;
}
