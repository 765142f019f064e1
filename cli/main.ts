#!/usr/bin/env node
import { CommanderError } from 'commander';
import { ActionableError, exitCodes, messageOf } from '../helpers/errors.ts';
import { events, keepStdoutForEvents } from '../helpers/events/events.ts';
import { conformanceProgram } from './program.ts';

// The reader of the output may end first (`| head`, `| tee` on Ctrl-C): that must not end the clean-up.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

const program = conformanceProgram();
if (eventsAreAskedFor(process.argv.slice(2))) keepStdoutForEvents();
try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}
// Sockets to the engine and the API server stay open after their last use: exit without them, once the output is written.
process.stdout.write('', () => process.exit());

/** Read from the words alone: a wrong command line is answered in events, too. */
function eventsAreAskedFor(words: readonly string[]): boolean {
  const [first = ''] = words;
  const command = first.startsWith('-') || first === '' ? 'run' : first;
  const others = program.commands
    .map((known) => known.name())
    .filter((name) => !['run', 'gate'].includes(name));
  const end = words.indexOf('--');
  return !others.includes(command) && words.slice(0, end === -1 ? undefined : end).includes('--json');
}

function report(error: unknown): number {
  const exitCode = told(error);
  if (exitCode !== exitCodes.conformant) {
    const message = messageOf(error).replace(/^error: /, '');
    const hint = error instanceof ActionableError ? error.hint : 'The flags: ./conformance run --help';
    events.emit({ type: 'error', message, hint, exitCode });
  }
  return exitCode;
}

function told(error: unknown): number {
  if (error instanceof CommanderError) {
    // Commander has printed its message; help and version are no errors.
    return error.exitCode === 0 ? exitCodes.conformant : exitCodes.usage;
  }
  if (error instanceof ActionableError) {
    process.stderr.write(`${error.message}\n${error.hint}\n`);
    return error.exitCode;
  }
  // A defect, so the stack helps most; it says nothing about Istio.
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : messageOf(error)}\n`);
  return exitCodes.environment;
}
