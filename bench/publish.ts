import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { format } from 'prettier';
import { between } from './page.ts';

const page = fileURLToPath(new URL('../docs/performance.md', import.meta.url));

/** Writes a benchmark's results to bench/NAME.json, and its table to its place in docs/performance.md. */
export async function publish(command: string, name: string, results: object, table: string): Promise<void> {
  await writeFile(new URL(`${name}.json`, import.meta.url), `${JSON.stringify(results, null, 2)}\n`);
  const text = between(await readFile(page, 'utf8'), command, table);
  await writeFile(page, await format(text, { parser: 'markdown', singleQuote: true, printWidth: 110 }));
}
