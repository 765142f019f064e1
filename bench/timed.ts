import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { labelKeys } from '../helpers/cluster/labels.ts';
import { containerEngine } from '../helpers/engine.ts';
import { EnvironmentError } from '../helpers/errors.ts';
import type { Results } from '../helpers/results/results.ts';
import { stop } from './benchmark.ts';
import { watchMemory } from './memory.ts';
import type { Figures } from './results.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * Runs a command and measures it with the nodes that it uses.
 * @param nodes The nodes' containers, once there are some
 * @throws EnvironmentError with its last lines when it fails
 */
export async function timed(
  [command, ...args]: readonly [string, ...string[]],
  env: Readonly<Record<string, string>>,
  nodes: (said: string) => Promise<readonly string[]>,
  what: string,
): Promise<{ readonly stdout: string; readonly figures: Figures }> {
  const startedAt = new Date().toISOString();
  const start = performance.now();
  const over = new AbortController();
  const child = execa(command, args, {
    env,
    reject: false,
    stdin: 'ignore',
    cancelSignal: stop.signal,
    forceKillAfterDelay: 60_000,
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const memory = watchMemory(child.pid ?? 0, () => nodes(said), await containerEngine(), over.signal);
  const { exitCode, stdout, stderr } = await child;
  const durationMs = Math.round(performance.now() - start);
  over.abort();
  const peak = await memory;
  if (exitCode !== 0) {
    const last = `${stdout}\n${stderr}`.trim().split('\n').slice(-15).join('\n');
    throw new EnvironmentError(
      `${what} ended with exit code ${exitCode ?? 'none'}: there is nothing to measure\n${last}`,
      'Its last lines are above.',
    );
  }
  return { stdout, figures: { startedAt, durationMs, ...peak } };
}

/**
 * A run of the suite, measured.
 * @param kept The run whose cluster it uses, where that is not its own
 */
export async function suiteRun(
  flags: readonly string[],
  reports: string,
  kept?: string,
): Promise<{ readonly figures: Figures; readonly results: Results }> {
  const { figures } = await timed(
    [join(root, 'conformance'), 'run', ...flags, '--report-dir', reports],
    {},
    async (said) => {
      const run = kept ?? /^Run (\S+):/m.exec(said)?.[1];
      // Its nodes alone are marked as kept or not.
      return run === undefined ? [] : containersWith({ label: [`${labelKeys.run}=${run}`, labelKeys.kept] });
    },
    'the suite',
  );
  const text = await readFile(join(reports, 'latest', 'results.json'), 'utf8');
  return { figures, results: JSON.parse(text) as Results };
}

/** The running containers that the engine's filters choose. */
export async function containersWith(
  filters: Readonly<Record<string, readonly string[]>>,
): Promise<string[]> {
  const { container } = await containerEngine();
  const all = await container.dockerode.listContainers({ filters: filters as Record<string, string[]> });
  return all.map(({ Id }) => Id);
}
