import { CommanderError, type Command } from 'commander';
import { ActionableError, exitCodes, messageOf } from '../helpers/errors.ts';

/** Aborted by Ctrl-C, SIGTERM or SIGHUP: what a benchmark has under way ends, and it removes what it made. */
export const stop = new AbortController();

/** Parses the arguments, runs the benchmark, and tells what goes wrong as the CLI does. */
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
    process.exitCode = told(error, stop.signal.aborted);
  }
  process.stdout.write('', () => process.exit());
}

function told(error: unknown, interrupted: boolean): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage;
  if (interrupted) return exitCodes.interrupted;
  const hint = error instanceof ActionableError ? `\n${error.hint}` : '';
  process.stderr.write(`${messageOf(error)}${hint}\n`);
  return error instanceof ActionableError ? error.exitCode : exitCodes.environment;
}

export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
