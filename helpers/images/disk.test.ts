import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { EnvironmentError } from '../errors.ts';
import { mustHaveSpace } from './disk.ts';

it('accepts a folder that is not there yet', async () => {
  await expect(mustHaveSpace(join(tmpdir(), 'not', 'there'), 1, 'a test')).resolves.toBeUndefined();
});

it('says folder, free and needed space', async () => {
  const work = mustHaveSpace(tmpdir(), 1e18, 'a test');
  await expect(work).rejects.toThrow(EnvironmentError);
  await expect(work).rejects.toThrow(
    /Too little space for a test: .* has [\d.]+ GB free, 931322574\.6 GB are needed/,
  );
});
