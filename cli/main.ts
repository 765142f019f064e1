#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { ActionableError, exitCodes, messageOf } from '../helpers/errors.ts';
import { events, keepStdoutForEvents } from '../helpers/events/stream.ts';
import { cleanCommand } from './commands/clean.ts';
import { completionCommand } from './commands/completion.ts';
import { doctorCommand } from './commands/doctor.ts';
import { faultsCommand } from './commands/faults.ts';
import { gateCommand } from './commands/gate.ts';
import { imagesCommand } from './commands/images.ts';
import { matrixCommand } from './commands/matrix.ts';
import { jobCommand } from './commands/job.ts';
import { reportCommand } from './commands/report.ts';
import { rbacCommand } from './commands/rbac.ts';
import { runCommand } from './commands/run.ts';
import { summaryCommand } from './commands/summary.ts';

// Whoever read the output may go first (`| head`, `| tee` on Ctrl-C): that must not end the clean-up.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

// What a command does is loaded when it is called: `--help` must not wait for a Kubernetes client.
const program = new Command('conformance')
  .description(
    'Proves on a real mesh that Istio\'s document "connect to an external HTTPS proxy" holds.\n' +
      'Exit codes: 0 conformant, 1 not conformant or unstable, 2 usage, 3 environment, 130/143 interrupted.',
  )
  .version(ownVersion(), '-V, --version')
  .showSuggestionAfterError();
program.addCommand(
  runCommand(() => program.commands.map((command) => command.name())),
  { isDefault: true },
);
for (const command of [
  doctorCommand(),
  faultsCommand(),
  gateCommand(),
  matrixCommand(),
  reportCommand(),
  summaryCommand(),
  imagesCommand(),
  cleanCommand(),
  jobCommand(),
  rbacCommand(),
  completionCommand(() => program),
]) {
  program.addCommand(command);
}
inAll(program, (command) => {
  command.exitOverride().showSuggestionAfterError();
});

if (eventsAreAskedFor(process.argv.slice(2))) keepStdoutForEvents();
try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}
// Sockets to the engine and to the API server stay open for a while after their last use. What was printed goes first.
process.stdout.write('', () => process.exit());

/** Commands that were made by themselves inherit nothing from the program. */
function inAll(command: Command, set: (command: Command) => void): void {
  set(command);
  for (const inner of command.commands) inAll(inner, set);
}

/** Told from the words alone: a command line that is wrong elsewhere must be answered in events, too. */
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
  // Nobody foresaw it, so the stack is what helps; and it says nothing about Istio.
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : messageOf(error)}\n`);
  return exitCodes.environment;
}

function ownVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
