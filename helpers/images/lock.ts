import { mkdir } from 'node:fs/promises';
import { lock } from 'proper-lockfile';
import { inCache } from './cache.ts';

/** A lock whose holder did not touch it for so long is taken over: the holder was killed. */
const staleMs = 30_000;
const retryMs = 1_000;

/**
 * Runs `work` while no other run on this machine changes the cache or builds images. `waiting` is called when
 * another run is at it.
 */
export async function withCacheLock<T>(waiting: () => void, work: () => Promise<T>): Promise<T> {
  const folder = inCache();
  await mkdir(folder, { recursive: true });
  const release = await acquire(folder, waiting);
  try {
    return await work();
  } finally {
    // It may have been taken over while this machine slept; then there is nothing to release.
    await release().catch(() => undefined);
  }
}

async function acquire(folder: string, waiting: () => void): Promise<() => Promise<void>> {
  const options = {
    lockfilePath: inCache('lock'),
    stale: staleMs,
    // By default it throws in a timer. Work goes on instead: two builds at once waste time and break nothing,
    // since every result is put in place by a rename.
    onCompromised: () => undefined,
  };
  try {
    return await lock(folder, options);
  } catch (error) {
    if (!isLocked(error)) throw error;
    waiting();
    return lock(folder, { ...options, retries: { forever: true, minTimeout: retryMs, maxTimeout: retryMs } });
  }
}

function isLocked(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ELOCKED';
}
