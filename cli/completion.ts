import type { Command, Option } from 'commander';
import { healthyMeshes } from '../faults/healthy/index.ts';
import { allFaults } from '../faults/index.ts';
import { podRoles } from '../helpers/images/roles.ts';
import { versionsFile } from '../helpers/images/versions.ts';
import { defaultEdition } from '../fixtures/document/editions.ts';
import { everyStep } from '../suites/steps.ts';
import {
  bashCompletion,
  fishCompletion,
  zshCompletion,
  type CompletedCommand,
  type CompletedOption,
  type Values,
} from './completion-shells.ts';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** The script that makes a shell complete the program's command lines. */
export function completion(shell: Shell, program: Command): string {
  const commands = completedCommands(program, knownValues());
  const write = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion }[shell];
  return write(program.name(), commands);
}

function knownValues(): KnownValues {
  const { istio, kubernetes } = versionsFile();
  const versions = Object.keys(istio);
  return {
    options: {
      '--istio': versions,
      '--from': versions,
      '--to': versions,
      '--k8s': Object.keys(kubernetes),
      '--images': ['auto', 'registry', 'source', 'mirror='],
      '--image': ['k3s', 'istioctl', ...podRoles].map((role) => `${role}=`),
      '--step': everyStep({ edition: defaultEdition }).map(({ id }) => id),
    },
    arguments: { faults: [...allFaults, ...healthyMeshes].map(({ id }) => id) },
  };
}

/** Values that commander does not know: versions, steps, faults. */
export interface KnownValues {
  /** By option, e.g. `--istio`. */
  readonly options: Readonly<Record<string, Values>>;
  /** By the command whose argument it is, e.g. `faults`. */
  readonly arguments: Readonly<Record<string, Values>>;
}

/** Everything that can be completed, from the program's commands. */
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
