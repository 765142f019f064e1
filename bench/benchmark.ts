import { readFile, writeFile } from 'node:fs/promises';
import { cpus, platform, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { CommanderError, type Command } from 'commander';
import { format, resolveConfig } from 'prettier';
import { forgetUnusedKept } from '../helpers/cluster/kept.ts';
import { labelKeys } from '../helpers/cluster/labels.ts';
import { sweep } from '../helpers/cluster/sweep.ts';
import { containerEngine } from '../helpers/engine.ts';
import { ActionableError, exitCodes, messageOf, UsageError } from '../helpers/errors.ts';
import { makeRunFolder, removeRunFolder, sweepRunFolders } from '../helpers/session/folder.ts';
import { newRunId } from '../helpers/session/session.ts';
import { between } from './page.ts';

const page = fileURLToPath(new URL('../docs/performance.md', import.meta.url));

/** Aborted by Ctrl-C, SIGTERM or SIGHUP: the benchmark stops its work and removes what it made. */
export const stop = new AbortController();

/** Parses the arguments, runs the benchmark, and reports errors as the CLI does. */
export async function benchmark(program: Command, main: () => Promise<void>): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      stop.abort();
    });
  }
  try {
    program.exitOverride().parse();
    await main();
  } catch (error) {
    process.exitCode = exitCodeOf(error, stop.signal.aborted);
  }
  process.stdout.write('', () => process.exit());
}

function exitCodeOf(error: unknown, interrupted: boolean): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage;
  if (interrupted) return exitCodes.interrupted;
  const hint = error instanceof ActionableError ? `\n${error.hint}` : '';
  process.stderr.write(`${messageOf(error)}${hint}\n`);
  return error instanceof ActionableError ? error.exitCode : exitCodes.environment;
}

export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** The machine that a figure was measured on. */
export function machine(): Record<string, string | number> {
  const [cpu] = cpus();
  return {
    os: `${platform()} ${release()}`,
    cpus: cpus().length,
    cpu: cpu?.model ?? 'unknown',
    'memory (GB)': Math.round(totalmem() / 1e9),
  };
}

/** Runs `work` with an empty temporary folder; the next benchmark or run removes one that a killed process left. */
export async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  await sweepRunFolders();
  const id = newRunId();
  try {
    return await work(await makeRunFolder(id));
  } finally {
    await removeRunFolder(id);
  }
}

/** @throws UsageError when a kept cluster exists: warm runs would use and remove it */
export async function nothingMustBeKept(): Promise<void> {
  const { dockerode } = (await containerEngine()).container;
  const kept = await dockerode.listContainers({ all: true, filters: { label: [`${labelKeys.kept}=true`] } });
  if (kept.length > 0) {
    throw new UsageError(
      'A kept cluster exists; the warm runs would use and remove it',
      'Remove it first: ./conformance clean',
    );
  }
}

/** Removes the cluster that warm runs kept. */
export async function removeKept(runId: string): Promise<void> {
  await sweep({ only: runId });
  await forgetUnusedKept();
}

/** Writes a benchmark's results to bench/NAME.json, and its table to its place in docs/performance.md. */
export async function publish(command: string, name: string, results: object, table: string): Promise<void> {
  await writeFormatted(
    fileURLToPath(new URL(`${name}.json`, import.meta.url)),
    JSON.stringify(results, null, 2),
  );
  await writeFormatted(page, between(await readFile(page, 'utf8'), command, table));
}

/** CI checks the format of both files. */
async function writeFormatted(file: string, text: string): Promise<void> {
  await writeFile(file, await format(text, { ...(await resolveConfig(file)), filepath: file }));
}
