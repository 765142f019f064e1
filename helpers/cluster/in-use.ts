import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { inCache } from '../cache.ts';
import { decodeOwner, encodeOwner, isAlive, thisProcess, type Owner } from './labels.ts';

/**
 * Marks a kept cluster as this process's for the time of a run: two runs on one cluster would take the document's
 * objects away under each other. A mark of a dead process counts as none.
 * @returns who has it, undefined when it is ours now
 */
export async function takeKept(runId: string): Promise<Owner | undefined> {
  const file = markOf(runId);
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  for (;;) {
    try {
      await writeFile(file, encodeOwner(thisProcess()), { flag: 'wx', mode: 0o600 });
      return undefined;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = await holderOf(runId);
    if (holder !== undefined) return holder;
    await rm(file, { force: true });
  }
}

/** The living process that uses a kept cluster, undefined when none does. */
export async function holderOf(runId: string): Promise<Owner | undefined> {
  const text = await readFile(markOf(runId), 'utf8').catch(() => '');
  const owner = decodeOwner(text);
  return owner !== undefined && isAlive(owner) ? owner : undefined;
}

export async function keptRuns(): Promise<readonly string[]> {
  return readdir(inCache('kept')).catch(() => []);
}

export async function keptInUse(): Promise<Map<string, Owner>> {
  const used = new Map<string, Owner>();
  for (const runId of await keptRuns()) {
    const holder = await holderOf(runId);
    if (holder !== undefined) used.set(runId, holder);
  }
  return used;
}

export async function releaseKept(runId: string): Promise<void> {
  await rm(markOf(runId), { force: true });
}

function markOf(runId: string): string {
  return inCache('kept', runId, 'in-use');
}
