import { buffer } from 'node:stream/consumers';
import { extract } from 'tar-stream';

export interface TarFile {
  readonly path: string;
  readonly text: string;
}

/** The plain files of a tar as text. */
export async function tarFiles(tar: Buffer): Promise<TarFile[]> {
  const files: TarFile[] = [];
  const entries = extract();
  entries.end(tar);
  for await (const entry of entries) {
    const content = await buffer(entry);
    if (entry.header.type === 'file') files.push({ path: entry.header.name, text: content.toString('utf8') });
  }
  return files;
}
