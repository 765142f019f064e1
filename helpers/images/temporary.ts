import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { inCache } from './cache.ts';

const open = new Set<string>();

process.on('exit', () => {
  for (const folder of open) rmSync(folder, { recursive: true, force: true });
});

/**
 * Runs `work` with an empty folder on the cache's file system, so that results can be renamed into place. It is
 * removed afterwards, whatever happens; after a kill, by the next {@link sweepTemporary}.
 */
export async function withTemporaryFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  await mkdir(inCache('tmp'), { recursive: true });
  const folder = await mkdtemp(join(inCache('tmp'), 'work-'));
  open.add(folder);
  try {
    return await work(folder);
  } finally {
    open.delete(folder);
    await rm(folder, { recursive: true, force: true });
  }
}

/** Removes what killed runs left. Only for the holder of the cache's lock: nobody else has folders there. */
export async function sweepTemporary(): Promise<void> {
  await rm(inCache('tmp'), { recursive: true, force: true });
}
