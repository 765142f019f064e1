import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execaSync } from 'execa';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { holderOf, releaseKept, takeKept } from './in-use.ts';
import { encodeOwner, thisProcess } from './labels.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'conformance-in-use-test-'));
  vi.stubEnv('CONFORMANCE_CACHE_DIR', folder);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

it('gives a kept cluster to one process at a time', async () => {
  expect(await takeKept('run')).toBeUndefined();
  expect(await takeKept('run')).toEqual(thisProcess());
  await releaseKept('run');
  expect(await holderOf('run')).toBeUndefined();
  expect(await takeKept('run')).toBeUndefined();
});

it('takes it from a process that died', async () => {
  await takeKept('run');
  const pid = Number(execaSync('sh', ['-c', 'echo $$']).stdout);
  await writeFile(join(folder, 'kept', 'run', 'in-use'), encodeOwner({ ...thisProcess(), pid }));
  expect(await takeKept('run')).toBeUndefined();
});
