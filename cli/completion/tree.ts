import type { Command, Option } from 'commander';

/** What may stand where a value is expected: one of a list, a path, or anything. */
export type Values = readonly string[] | 'path' | 'any';

/** An option as a shell completes it. */
export interface CompletedOption {
  /** Without hyphens. */
  readonly long: string;
  readonly description: string;
  /** Undefined for a flag, which takes no value. */
  readonly values: Values | undefined;
}

/** A command as a shell completes it; the program itself is the one without words. */
export interface CompletedCommand {
  /** Its words, e.g. `images build`; '' for the program, which is its default command. */
  readonly path: string;
  readonly commands: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly CompletedOption[];
  /** Of its arguments; undefined where it has none. */
  readonly argument: Values | undefined;
}

/** Values that commander does not know, by what the program's own files say: versions, steps, faults. */
export interface KnownValues {
  /** By option, e.g. `--istio`. */
  readonly options: Readonly<Record<string, Values>>;
  /** By the command whose argument it is, e.g. `faults`. */
  readonly arguments: Readonly<Record<string, Values>>;
}

/** Everything that can be completed, from the program's own commands. */
export function completedCommands(program: Command, known: KnownValues): CompletedCommand[] {
  const defaultCommand = program.commands.find((command) => command.name() === 'run');
  const all: CompletedCommand[] = [];
  const add = (command: Command, path: string): void => {
    const help = command.createHelp();
    const commands = help
      .visibleCommands(command)
      .filter((inner) => inner.name() !== 'help')
      .map((inner) => ({ name: inner.name(), description: inner.description() }));
    const own = help.visibleOptions(command);
    const options = path === '' && defaultCommand !== undefined ? [...own, ...defaultCommand.options] : own;
    all.push({
      path,
      commands,
      options: options.flatMap((option) => completedOption(option, known)),
      argument: argumentOf(command, path, known),
    });
    for (const { name } of commands) {
      const inner = command.commands.find((candidate) => candidate.name() === name);
      if (inner !== undefined) add(inner, path === '' ? name : `${path} ${name}`);
    }
  };
  add(program, '');
  return all;
}

function completedOption(option: Option, known: KnownValues): CompletedOption[] {
  const { long, description } = option;
  if (long === undefined) return [];
  const takesValue = option.required || option.optional;
  const values = takesValue ? (known.options[long] ?? option.argChoices ?? byName(option.flags)) : undefined;
  return [{ long: long.slice(2), description, values }];
}

function argumentOf(command: Command, path: string, known: KnownValues): Values | undefined {
  const [argument] = command.registeredArguments;
  if (argument === undefined) return undefined;
  return known.arguments[path] ?? argument.argChoices ?? byName(`<${argument.name()}>`);
}

function byName(flags: string): Values {
  return /<(file|folder)/.test(flags) ? 'path' : 'any';
}
