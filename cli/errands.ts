import { execa } from 'execa';
import { onErrand, type Errand, type ErrandEnd } from '../helpers/pause/pause.ts';
import { redact } from '../helpers/redact/redact.ts';
import type { Report } from '../helpers/report/report.ts';
import type { SessionFacts } from '../helpers/session/session.ts';
import { timeouts } from '../helpers/timeouts.ts';
import { entered } from './pausing.ts';

const signals = ['SIGINT', 'SIGTERM', 'SIGKILL'] as const;
const keptLines = 20;

/** What of a gate runs in this thread: the user's commands, and the wait for Enter. */
export class Errands {
  readonly #interruption = new AbortController();
  #atWork = 0;

  /**
   * Ends what is at work as Ctrl-C would; nothing further begins.
   * @returns whether anything was: its step then ends the run
   */
  interrupt(): boolean {
    this.#interruption.abort();
    return this.#atWork > 0;
  }

  /** Until this is disposed, errands of the session's steps are done here. */
  attend(
    { runId }: Pick<SessionFacts, 'runId'>,
    report: Pick<Report, 'attach'>,
    say: (line: string) => void,
  ): Disposable {
    return onErrand(runId, async (errand) => {
      this.#atWork += 1;
      try {
        return await (errand.kind === 'command'
          ? this.#command(errand, report, say)
          : this.#enter(errand.text, say));
      } finally {
        this.#atWork -= 1;
      }
    });
  }

  async #command(
    { name, command, environment }: Errand & { readonly kind: 'command' },
    report: Pick<Report, 'attach'>,
    say: (line: string) => void,
  ): Promise<ErrandEnd> {
    const { signal } = this.#interruption;
    const output = `${name}-command.log`;
    const lines: string[] = [];
    if (signal.aborted) return { exitCode: undefined, lastLines: [], output: '', interrupted: true };
    say(`  $ ${command}`);
    // In a group of its own: Ctrl-C at the terminal reaches it once, by way of this process, with all that it started.
    const child = execa(command, {
      shell: true,
      detached: true,
      stdin: 'ignore',
      env: { ...environment },
      all: true,
      buffer: false,
      reject: false,
    });
    using _ending = endingOn(signal, child.pid);
    for await (const line of child.iterable({ from: 'all' })) {
      lines.push(line);
      say(`    | ${line}`);
    }
    const { exitCode } = await child;
    await report.attach(output, redact(`$ ${command}\n${lines.map((line) => `${line}\n`).join('')}`));
    return { exitCode, lastLines: lines.slice(-keptLines), output, interrupted: signal.aborted };
  }

  async #enter(text: string, say: (line: string) => void): Promise<ErrandEnd> {
    const { signal } = this.#interruption;
    say(`  ${text}`);
    const exitCode = (await entered(signal)) ? 0 : undefined;
    return { exitCode, lastLines: [], output: '', interrupted: signal.aborted };
  }
}

/** From the signal on, the group of processes is asked to end: politely, then less so. */
function endingOn(interruption: AbortSignal, pid: number | undefined): Disposable {
  if (pid === undefined) return { [Symbol.dispose]: () => undefined };
  const timers: NodeJS.Timeout[] = [];
  const end = (): void => {
    timers.push(
      ...signals.map((signal, index) =>
        setTimeout(() => {
          try {
            process.kill(-pid, signal);
          } catch {
            // It has ended meanwhile.
          }
        }, index * timeouts.commandEnd),
      ),
    );
  };
  interruption.addEventListener('abort', end);
  return {
    [Symbol.dispose]: () => {
      interruption.removeEventListener('abort', end);
      for (const timer of timers) clearTimeout(timer);
    },
  };
}
