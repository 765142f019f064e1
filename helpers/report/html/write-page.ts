import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Results } from '../../results/results.ts';
import { pageOf } from './page.tsx';

/**
 * Writes a run's page into its report folder.
 * @returns the page's path
 */
export async function writePage(folder: string, run: Results): Promise<string> {
  const path = join(folder, 'report', 'index.html');
  const page = await pageOf(run);
  await mkdir(join(folder, 'report'), { recursive: true });
  await writeFile(path, page);
  return path;
}
