import { access } from 'node:fs/promises';
import { join } from 'node:path';
import envPaths from 'env-paths';

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

/** A folder or file in the cache. */
export function inCache(...parts: string[]): string {
  return join(cacheDir(), ...parts);
}

/** Whether a file or folder is there. */
export async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
