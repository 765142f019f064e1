import { globSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** What the modules of a folder export by names that end so; what no index names is among it. */
export async function exportsEndingIn(ending: string, folder: string): Promise<[string, unknown][]> {
  const files = globSync('*.ts', { cwd: folder, exclude: ['*.test.ts'] });
  const modules = await Promise.all(
    files.map((file) => import(pathToFileURL(join(folder, file)).href) as Promise<Record<string, unknown>>),
  );
  return modules.flatMap((module) => Object.entries(module).filter(([name]) => name.endsWith(ending)));
}
