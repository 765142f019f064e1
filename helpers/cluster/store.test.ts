import { mkdir, mkdtemp, readdir, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { prune } from './store.ts';

const folders: string[] = [];
afterEach(async () => {
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true })));
});

/** Stores by the hours since their last use. */
async function storesUsed(hours: Readonly<Record<string, number>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'conformance-stores-test-'));
  folders.push(folder);
  for (const [name, ago] of Object.entries(hours)) {
    await mkdir(join(folder, name));
    const at = new Date(Date.now() - ago * 3_600_000);
    await utimes(join(folder, name), at, at);
  }
  return folder;
}

describe('the prepared stores', () => {
  it('stay three, those used last', async () => {
    const folder = await storesUsed({ a: 9, b: 2, c: 5, d: 3, e: 7 });
    await prune(folder, new Set());
    expect((await readdir(folder)).sort()).toEqual(['b', 'c', 'd']);
  });

  it('stay all that nodes have mounted, of a kept cluster too', async () => {
    const folder = await storesUsed({ a: 9, b: 2, c: 5, d: 3, e: 7 });
    await prune(folder, new Set([join(folder, 'a')]));
    expect((await readdir(folder)).sort()).toEqual(['a', 'b', 'c', 'd']);
  });

  it('stay all that a node may be about to use, and what is being made', async () => {
    const folder = await storesUsed({ a: 0.1, b: 0.2, c: 0.3, d: 0.4, e: 2, '.new-run': 9 });
    await prune(folder, new Set());
    expect((await readdir(folder)).sort()).toEqual(['.new-run', 'a', 'b', 'c', 'd']);
  });
});
