import { readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { attempt, thrownAs, UsageError } from '../errors.ts';
import { results, type Results } from '../results/results.ts';

export interface StoredRun {
  /** Absolute path of the report's folder. */
  readonly folder: string;
  readonly run: Results;
}

/**
 * Reads a run again.
 * @param path Its report folder, or the results.json in it
 * @throws UsageError when there is none, or this version of the suite cannot read it
 */
export async function readResults(path: string): Promise<StoredRun> {
  const file = await resultsFile(path);
  const text = await readFile(file, 'utf8').catch(
    thrownAs(UsageError, `${file} cannot be read`, 'Make it readable, or name another run.'),
  );
  return { folder: dirname(file), run: parsed(file, text) };
}

async function resultsFile(path: string): Promise<string> {
  const full = resolve(path);
  const isFolder = async (at: string): Promise<boolean | undefined> =>
    stat(at).then(
      (found) => found.isDirectory(),
      () => undefined,
    );
  const folder = await isFolder(full);
  if (folder === undefined) {
    throw new UsageError(`There is no report at ${path}.`, `${advice} Runs write one below reports/.`);
  }
  const file = folder ? join(full, 'results.json') : full;
  if (folder && (await isFolder(file)) !== false) {
    throw new UsageError(`There is no results.json in ${path}.`, advice);
  }
  return file;
}

const advice = "Give a run's report folder, e.g. reports/latest, or its results.json.";

function parsed(file: string, text: string): Results {
  const data = attempt<unknown>(
    () => JSON.parse(text),
    thrownAs(UsageError, `${file} is not JSON`, 'A run that was killed may have cut it short.'),
  );
  const edition = versioned.safeParse(data);
  if (!edition.success)
    throw new UsageError(`${file} is not the results of a run: it has no schemaVersion.`, advice);
  const { schemaVersion } = edition.data;
  const known = results.shape.schemaVersion.value;
  if (schemaVersion !== known) {
    throw new UsageError(
      `${file} has schema version ${String(schemaVersion)}; this version of the suite reads ${known}.`,
      'Use the version of the suite that wrote it: versions.suite in the file says which.',
    );
  }
  const run = results.safeParse(data);
  if (!run.success) {
    const [first = ''] = z.prettifyError(run.error).split('\n✖ ');
    throw new UsageError(
      `${file} is not the results of a run: ${first.replace(/^✖ /, '').replace(/\s+/g, ' ')}`,
      advice,
    );
  }
  // The witnesses' statements are kept whole, and so have more fields than their schema.
  return run.data as unknown as Results;
}

const versioned = z.looseObject({ schemaVersion: z.union([z.number(), z.string()]) });
