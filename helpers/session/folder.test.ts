import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { execaSync } from 'execa';
import { describe, expect, it } from 'vitest';
import { makeRunFolder, removeRunFolder, runFolder, sweepRunFolders } from './folder.ts';

describe('run folders', () => {
  it('go when their run is over, and are swept when it died', async () => {
    const own = `20261122-000000-${process.pid}`;
    const ended = execaSync('sh', ['-c', 'echo $$']).stdout;
    const dead = runFolder(`20261122-000000-${ended}`);
    const foreign = `${runFolder('other')}-folder`;
    await makeRunFolder(own);
    await mkdir(dead);
    await mkdir(foreign, { recursive: true });
    try {
      expect(await sweepRunFolders()).toContain(`istio-external-proxy-conformance-20261122-000000-${ended}`);
      expect(existsSync(dead)).toBe(false);
      expect(existsSync(foreign)).toBe(true);
      expect(existsSync(runFolder(own))).toBe(true);
    } finally {
      await rm(foreign, { recursive: true });
      await removeRunFolder(own);
    }
    expect(existsSync(runFolder(own))).toBe(false);
  });
});
