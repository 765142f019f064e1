import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Configuration } from '../helpers/configuration/configuration.ts';
import { reachCommands, writeReachFiles } from '../helpers/cluster/reach.ts';
import { UsageError } from '../helpers/errors.ts';
import { events } from '../helpers/events/events.ts';
import { onPause, type Paused } from '../helpers/pause/pause.ts';
import { evidenceLine, indented, indexOf } from '../helpers/report/lines.ts';
import type { SessionFacts } from '../helpers/session/session.ts';

/** @throws UsageError where nobody could let a paused run go on */
export function pauseMustBePossible(
  { pauseOnFailure }: Pick<Configuration, 'pauseOnFailure'>,
  { stdin, stderr }: { readonly stdin: Terminal; readonly stderr: Terminal } = process,
): void {
  if (!pauseOnFailure || (stdin.isTTY === true && stderr.isTTY === true)) return;
  throw new UsageError(
    '--pause-on-failure waits for Enter, and there is no terminal',
    'Run it in a terminal, or use --keep: the cluster then stays as the run leaves it.',
  );
}

interface Terminal {
  readonly isTTY?: boolean;
}

/**
 * Until this is disposed, a failed step makes the run wait for Enter. Ctrl-C still ends the run, which cleans up.
 */
export function attendPauses(session: SessionFacts): Disposable {
  return onPause(session.runId, async (paused) => {
    const { step, cause } = paused;
    // The files go with the run's folder.
    const files = await writeReachFiles(session.folder, session.cluster);
    const commands = reachCommands(files, session.cluster, session.images);
    for (const line of pausedLines(paused, commands, session.reportFolder)) {
      process.stderr.write(`${line}\n`);
    }
    events.emit({
      type: 'paused',
      step,
      ...(cause === undefined ? {} : { cause }),
      kubeconfig: files.kubeconfig,
    });
    await entered();
    events.emit({ type: 'resumed', step });
  });
}

/** What failed, where its evidence is, and how to look at the cluster. */
export function pausedLines(
  { step, cause, message, evidence }: Paused,
  commands: readonly string[],
  reportFolder: string,
): string[] {
  const where = evidence === '' ? [] : [evidenceLine(indexOf(reportFolder, evidence))];
  return [
    '',
    `Paused: ${step} failed${cause === undefined ? '' : ` (${cause})`}, and everything is still in place.`,
    indented([message, ...where].join('\n')),
    'From another shell:',
    ...commands.map((line) => `  ${line}`),
    'Enter goes on with the run; Ctrl-C ends it and cleans up.',
  ];
}

/** Waits for a line on standard input. @returns false where it was closed, or `signal` came first */
export async function entered(signal?: AbortSignal): Promise<boolean> {
  // Not as a terminal: readline would then take Ctrl-C for itself.
  const lines = createInterface({ input: process.stdin, terminal: false });
  const end = signal && { signal };
  try {
    return await Promise.race([
      once(lines, 'line', end).then(() => true),
      once(lines, 'close', end).then(() => false),
    ]).catch(() => false);
  } finally {
    lines.close();
    process.stdin.pause();
  }
}
