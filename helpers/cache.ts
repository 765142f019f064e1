import { rmSync } from 'node:fs';
import { access, glob, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import envPaths from 'env-paths';
import { lock } from 'proper-lockfile';

/**
 * Where archives, binaries and build logs stay between runs: $CONFORMANCE_CACHE_DIR, else the platform's
 * cache folder. Everything in it can be deleted at any time that no run is going on.
 */
export function cacheDir(): string {
  const asked = process.env['CONFORMANCE_CACHE_DIR'];
  return asked !== undefined && asked !== ''
    ? asked
    : envPaths('istio-external-proxy-conformance', { suffix: '' }).cache;
}

export function inCache(...parts: string[]): string {
  return join(cacheDir(), ...parts);
}

export async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}

/** Writes a file and the folders above it, under another name until it is whole. */
export async function writeWhole(path: string, text: string): Promise<void> {
  const unfinished = `${path}.${process.pid}`;
  await mkdir(dirname(path), { recursive: true });
  await writeFile(unfinished, text);
  await rename(unfinished, path);
}

/** Puts what was made in a temporary folder where `path` says, in place of what is there. */
export async function putInPlace(made: string, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await rm(path, { recursive: true, force: true });
  await rename(made, path);
}

const open = new Set<string>();

process.on('exit', () => {
  for (const folder of open) rmSync(folder, { recursive: true, force: true });
});

/**
 * Runs `work` with an empty folder on the cache's file system, so that results can be renamed into place. It is
 * removed afterwards, whatever happens; after a kill, by the next {@link sweepCache}.
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

/** V8 keeps a file for each module of each checkout and each edit, a run's own are a thousand: it never removes any. */
const mostCompiled = 20_000;

/**
 * Removes what killed runs left, and what V8 compiled once that is of many checkouts. Call it while holding the cache's
 * lock, when no other run has folders there.
 */
export async function sweepCache(most = mostCompiled): Promise<void> {
  const away = inCache('tmp');
  await rm(away, { recursive: true, force: true });
  for await (const name of glob('*', { cwd: inCache('compiled') })) {
    const folder = inCache('compiled', name);
    if ((await readdir(folder)).length <= most) continue;
    // Every Node.js at work writes there, by its name, whoever holds the lock: under another name it can be emptied.
    await mkdir(away, { recursive: true });
    await rename(folder, join(away, name));
    await rm(away, { recursive: true });
  }
}

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
    if (!(error instanceof Error && 'code' in error && error.code === 'ELOCKED')) throw error;
    waiting();
    return lock(folder, { ...options, retries: { forever: true, minTimeout: retryMs, maxTimeout: retryMs } });
  }
}
