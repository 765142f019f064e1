import { appendFile, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { eventually } from '../eventually/eventually.ts';
import { type LineFollower, tailOfFile } from './lines.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'conformance-tail-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

function linesToBe(log: LineFollower, expected: readonly string[]): Promise<void> {
  return eventually(
    'the lines to come',
    () => {
      expect(log.since(0)).toEqual(expected);
    },
    { timeoutMs: 10_000, intervalMs: 20 },
  );
}

it('gives what is written from now on, over a rotation', async () => {
  const file = join(folder, 'access.log');
  await writeFile(file, 'of before\n');
  await using log = tailOfFile(file);
  await log.opened(5_000);
  await appendFile(file, 'one\n');
  await linesToBe(log, ['one']);
  await rename(file, `${file}.1`);
  await writeFile(file, 'two\n');
  await linesToBe(log, ['one', 'two']);
  expect(log.problem()).toBeUndefined();
});

it('says why a file cannot be followed', async () => {
  await using log = tailOfFile(join(folder, 'none'));
  await eventually(
    'a problem',
    () => {
      if (log.problem() === undefined) throw new Error('none');
    },
    { timeoutMs: 5_000, intervalMs: 20 },
  );
  expect(log.problem()).toContain('ENOENT');
});
