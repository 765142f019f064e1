import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fingerprint } from './fingerprint.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fingerprint-'));
  await mkdir(join(folder, 'sub'));
  await writeFile(join(folder, 'a'), 'one');
  await writeFile(join(folder, 'sub', 'b'), 'two');
});

afterEach(() => rm(folder, { recursive: true }));

const of = (parameters: Record<string, string> = {}, keys: Record<string, string> = {}): Promise<string> =>
  fingerprint({ parameters, files: { recipe: folder } }, keys);

describe('fingerprint', () => {
  it('is the same for the same inputs', async () => {
    expect(await of({ x: '1', y: '2' })).toBe(await of({ y: '2', x: '1' }));
  });

  it.each([
    ['a file’s content', () => writeFile(join(folder, 'a'), 'other')],
    ['a file’s name', () => writeFile(join(folder, 'c'), '')],
    ['whether a file can be executed', () => chmod(join(folder, 'sub', 'b'), 0o755)],
  ])('changes with %s', async (_what, change) => {
    const before = await of();
    await change();
    expect(await of()).not.toBe(before);
  });

  it('does not change with the parts of a mode that Git drops', async () => {
    const before = await of();
    await chmod(join(folder, 'a'), 0o600);
    expect(await of()).toBe(before);
  });

  it('changes with a parameter and with the key of a dependency', async () => {
    const all = [
      await of(),
      await of({ x: '1' }),
      await of({ x: '2' }),
      await of({}, { base: 'k1' }),
      await of({}, { base: 'k2' }),
    ];
    expect(new Set(all).size).toBe(all.length);
  });

  it('tells parts apart, not only their concatenation', async () => {
    expect(await of({ ab: 'c' })).not.toBe(await of({ a: 'bc' }));
  });
});
