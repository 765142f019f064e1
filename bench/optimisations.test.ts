import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { optimisations } from './optimisations.ts';

it.each(optimisations)('can still be taken out of the source: $what', async ({ file, from, to }) => {
  const text = await readFile(new URL(`../${file}`, import.meta.url), 'utf8');
  expect(text.split(from)).toHaveLength(2);
  expect(to).not.toBe(from);
});
