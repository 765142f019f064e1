import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { between } from './page.ts';

const page = fileURLToPath(new URL('../docs/performance.md', import.meta.url));

/** Writes a benchmark's results to bench/NAME.json, and its table to its place in docs/performance.md. */
export async function publish(command: string, name: string, results: object, table: string): Promise<void> {
  await writeFormatted(
    fileURLToPath(new URL(`${name}.json`, import.meta.url)),
    JSON.stringify(results, null, 2),
  );
  await writeFormatted(page, between(await readFile(page, 'utf8'), command, table));
}

/** Both are files of the repository, whose format is tested. */
async function writeFormatted(file: string, text: string): Promise<void> {
  await writeFile(file, await format(text, { ...(await resolveConfig(file)), filepath: file }));
}
