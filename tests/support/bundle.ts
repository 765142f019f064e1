import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';

/** The texts of a bundle's files by their paths in it. */
export async function readBundle(folder: string): Promise<ReadonlyMap<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(
    await Promise.all(
      files.map(async (file) => [relative(folder, file), await readFile(file, 'utf8')] as const),
    ),
  );
}

/** What no file that is sent around may hold: private keys, plain or as Secrets have them, and tokens. Shortened. */
export function secretsIn(text: string): string[] {
  const encoded = [...text.matchAll(/LS0tLS1[\w+/=]{20,}/g)].flatMap(([word]) => {
    const decoded = Buffer.from(word, 'base64').toString('latin1');
    return decoded.includes('PRIVATE KEY') ? [word] : [];
  });
  const plain = [...text.matchAll(/PRIVATE KEY|\beyJ[\w-]{10,}\.[\w-]{10,}/g)].map(([word]) => word);
  return [...plain, ...encoded].map((word) => word.slice(0, 20));
}
