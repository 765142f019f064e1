import { mkdir, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const prefix = 'istio-external-proxy-conformance-';

/** The run's own temporary folder: where the document's reader stands. Its name tells whose it is. */
export function runFolder(runId: string): string {
  return join(tmpdir(), `${prefix}${runId}`);
}

export async function makeRunFolder(runId: string): Promise<string> {
  const folder = runFolder(runId);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return folder;
}

export async function removeRunFolder(runId: string): Promise<void> {
  await rm(runFolder(runId), { recursive: true, force: true });
}

/** Removes the folders of runs whose process is gone; a run's id ends with its process's. */
export async function sweepRunFolders(): Promise<string[]> {
  const names = await readdir(tmpdir());
  const dead = names.filter((name) => {
    const pid = /^istio-external-proxy-conformance-\d{8}-\d{6}-(\d+)(?:-[0-9a-f]+)?$/.exec(name)?.[1];
    return pid !== undefined && !runs(Number(pid));
  });
  const removed = await Promise.allSettled(
    dead.map(async (name) => {
      await rm(join(tmpdir(), name), { recursive: true, force: true });
      return name;
    }),
  );
  // Another user's cannot be removed, and are none of this user's business.
  return removed.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it runs, as another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
