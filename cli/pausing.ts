import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Configuration } from '../helpers/configuration/configuration.ts';
import { UsageError } from '../helpers/errors.ts';
import { events } from '../helpers/events/stream.ts';
import { onPause, type Paused } from '../helpers/pause/pause.ts';
import { evidenceLine, indented, indexOf } from '../helpers/report/lines.ts';
import type { SessionFacts } from '../helpers/session/session.ts';
import { reachWhilePaused } from './reaching.ts';

/** @throws UsageError where nobody could tell a paused run to go on */
export function pauseMustBePossible(
  { pauseOnFailure }: Pick<Configuration, 'pauseOnFailure'>,
  { stdin, stderr }: { readonly stdin: Terminal; readonly stderr: Terminal } = process,
): void {
  if (!pauseOnFailure || (stdin.isTTY === true && stderr.isTTY === true)) return;
  throw new UsageError(
    '--pause-on-failure waits for Enter, and there is no terminal to press it at',
    'Run it at a terminal, or use --keep: the cluster then stays as the run leaves it.',
  );
}

interface Terminal {
  readonly isTTY?: boolean;
}

/**
 * While this is not disposed of, a step that failed makes the run wait for Enter. Ctrl-C is the run's: it cleans up.
 */
export function attendPauses(session: SessionFacts): Disposable {
  return onPause(session.runId, async (paused) => {
    const { kubeconfig, commands } = await reachWhilePaused(session);
    const { step, cause } = paused;
    for (const line of pausedLines(paused, commands, session.reportFolder)) {
      process.stderr.write(`${line}\n`);
    }
    events.emit({ type: 'paused', step, ...(cause === undefined ? {} : { cause }), kubeconfig });
    await enter();
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

/** A line at the terminal, or its end. */
async function enter(): Promise<void> {
  // Not as a terminal: readline would then take Ctrl-C for itself.
  const lines = createInterface({ input: process.stdin, terminal: false });
  try {
    await Promise.race([once(lines, 'line'), once(lines, 'close')]);
  } finally {
    lines.close();
    process.stdin.pause();
  }
}
