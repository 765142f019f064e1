import { readdir, writeFile } from 'node:fs/promises';
import { afterEach, expect, it, vi } from 'vitest';
import { cacheDir, inCache, sweepCache, withTemporaryFolder, writeWhole } from './cache.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

it('takes $CONFORMANCE_CACHE_DIR', () => {
  vi.stubEnv('CONFORMANCE_CACHE_DIR', '/somewhere');
  expect(inCache('archives', 'x.tar')).toBe('/somewhere/archives/x.tar');
});

it('takes the platform’s cache folder, also when the variable is empty', () => {
  vi.stubEnv('CONFORMANCE_CACHE_DIR', '');
  expect(cacheDir()).toMatch(/istio-external-proxy-conformance$/);
});

it('forgets what V8 compiled once that is too much, and nothing where there is nothing', async () => {
  await withTemporaryFolder(async (folder) => {
    vi.stubEnv('CONFORMANCE_CACHE_DIR', folder);
    await sweepCache();
    for (const file of ['v24/a', 'v24/b', 'v26/a']) await writeWhole(inCache('compiled', file), '');
    await sweepCache(1);
    expect(await readdir(inCache('compiled'))).toEqual(['v26']);
  });
});

it('forgets it while programs at work go on to write there', async () => {
  await withTemporaryFolder(async (folder) => {
    vi.stubEnv('CONFORMANCE_CACHE_DIR', folder);
    const files = Array.from({ length: 300 }, (_none, index) => inCache('compiled/v24', `${index}`));
    for (const file of files) await writeWhole(file, '');
    const swept = new AbortController();
    const writing = (async () => {
      // As V8 does it: by the folder's name, whatever becomes of that.
      for (let index = 0; !swept.signal.aborted; index += 1) {
        await writeFile(inCache('compiled/v24', `more-${index}`), '').catch(() => undefined);
      }
    })();
    await sweepCache(1).finally(() => {
      swept.abort();
    });
    await writing;
    expect(await readdir(folder)).not.toContain('tmp');
  });
});
