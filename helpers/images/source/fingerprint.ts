import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** What a step's result depends on, besides the results of other steps. */
export interface Inputs {
  /** Versions, flags and other plain values. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Files and folders by the names they have for the step; where they lie does not matter. */
  readonly files: Readonly<Record<string, string>>;
}

export interface RecipeFile {
  /** Path inside the recipe's folder, with `/`. */
  readonly name: string;
  readonly path: string;
  /** The one part of a mode that Git keeps, and that an image's content depends on. */
  readonly executable: boolean;
}

/** Files below a folder in the order of their names; of a file, itself with the name ''. */
export async function filesBelow(path: string, name = ''): Promise<RecipeFile[]> {
  const found = await stat(path);
  if (!found.isDirectory()) return [{ name, path, executable: (found.mode & 0o100) !== 0 }];
  const entries = (await readdir(path)).sort();
  const below = await Promise.all(
    entries.map((entry) => filesBelow(join(path, entry), name === '' ? entry : `${name}/${entry}`)),
  );
  return below.flat();
}

/** Sha256, in hex, of inputs and of the keys of what a step builds on. */
export async function fingerprint(
  inputs: Inputs,
  keys: Readonly<Record<string, string>> = {},
): Promise<string> {
  const hash = createHash('sha256');
  // Every part carries its length, so that no two lists of parts look the same.
  const add = (...parts: (string | Buffer)[]): void => {
    for (const part of parts) hash.update(`${Buffer.byteLength(part)}:`).update(part);
  };
  for (const [name, value] of sorted(inputs.parameters)) add('parameter', name, value);
  for (const [name, path] of sorted(inputs.files)) {
    for (const file of await filesBelow(path, name)) {
      add('file', file.name, file.executable ? 'x' : '-', await readFile(file.path));
    }
  }
  for (const [name, key] of sorted(keys)) add('key', name, key);
  return hash.digest('hex');
}

function sorted(record: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
}
