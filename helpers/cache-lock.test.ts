import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { withCacheLock } from './cache.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lock-'));
  vi.stubEnv('CONFORMANCE_CACHE_DIR', folder);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

it('lets one at a time work, and tells the other that it waits', async () => {
  const events: string[] = [];
  let entered = (): void => undefined;
  let finish = (): void => undefined;
  const hasEntered = new Promise<void>((resolve) => (entered = resolve));
  const mayFinish = new Promise<void>((resolve) => (finish = resolve));
  const first = withCacheLock(
    () => undefined,
    async () => {
      entered();
      await mayFinish;
      events.push('first done');
    },
  );
  await hasEntered;
  const second = withCacheLock(
    () => {
      events.push('second waits');
      finish();
    },
    () => {
      events.push('second works');
      return Promise.resolve();
    },
  );
  await Promise.all([first, second]);
  expect(events).toEqual(['second waits', 'first done', 'second works']);
});

it('is free again after a failure', async () => {
  const failing = withCacheLock(
    () => undefined,
    () => Promise.reject(new Error('failed')),
  );
  await expect(failing).rejects.toThrow('failed');
  const waited = vi.fn();
  await expect(withCacheLock(waited, () => Promise.resolve('done'))).resolves.toBe('done');
  expect(waited).not.toHaveBeenCalled();
});
