import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UsageError } from '../errors.ts';
import { readResults } from './read-results.ts';
import { runResults } from '../../tests/samples/results.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'conformance-read-results-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const write = (text: string): Promise<void> => writeFile(join(folder, 'results.json'), text);

async function refusal(path: string): Promise<UsageError> {
  const error: unknown = await readResults(path).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(UsageError);
  return error as UsageError;
}

describe('a run that is read again', () => {
  it('is found by its folder and by its file, with every field', async () => {
    const run = runResults();
    await write(JSON.stringify(run));
    expect(await readResults(folder)).toEqual({ folder, run });
    expect(await readResults(join(folder, 'results.json'))).toEqual({ folder, run });
  });

  it.each([
    ['is not there', 'gone', /^There is no report at .*gone\.$/],
    ['holds no results', '.', /^There is no results\.json in /],
  ])('is refused where its folder %s', async (_how, name, message) => {
    expect((await refusal(join(folder, name))).message).toMatch(message);
  });

  it('is refused where results.json is a folder', async () => {
    await mkdir(join(folder, 'results.json'));
    expect((await refusal(folder)).message).toMatch(/^There is no results\.json in /);
  });

  it.each([
    ['is cut short', '{"schemaVersion": 1, "runId": "2026', /is not JSON: /],
    ['is another file', '{"name": "package"}', /is not the results of a run: it has no schemaVersion\.$/],
    ['is a list', '[]', /is not the results of a run: it has no schemaVersion\.$/],
    [
      'is of a later edition',
      '{"schemaVersion": 2}',
      /has schema version 2; this version of the suite reads 1\.$/,
    ],
    [
      'lacks a field',
      JSON.stringify({ ...runResults(), verdict: 'fine' }),
      /is not the results of a run: .*verdict/,
    ],
  ])('is refused where the file %s', async (_how, text, message) => {
    await write(text);
    const { message: said, hint } = await refusal(folder);
    expect(said).toMatch(message);
    expect(said).toContain(join(folder, 'results.json'));
    expect(said).not.toContain('\n');
    expect(hint).not.toBe('');
  });
});
