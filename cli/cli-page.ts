import type { Argument, Command, Option } from 'commander';
import { gateSettings } from '../helpers/configuration/configuration.ts';
import {
  defaultOf,
  flagsOf,
  groups,
  variableOf,
  type Rule,
  type Setting,
} from '../helpers/configuration/setting.ts';
import { markdownTable } from '../helpers/text-table.ts';
import { allSettings, settingOf } from './options.ts';
import { conformanceProgram } from './program.ts';

/** docs/cli.md: every command, flag and setting, from the program's own commands and the settings table. */
export function cliPage(program: Command = conformanceProgram()): string {
  const commands = commandsOf(program);
  return [
    '# Command line',
    '',
    'Made by `npm run generate` from the commands and the settings table. What a run needs and what its exit codes mean:',
    '[README](../README.md) and `./conformance --help`.',
    '',
    '## Commands',
    '',
    markdownTable(
      ['command', 'what it does'],
      commands.map(([typed, command]) => [linkTo(typed), command.description()]),
    ),
    '',
    '## Settings',
    '',
    'Each setting comes from the first of these that says it: the flag, the environment variable,',
    '`conformance.config.ts` (or `--config FILE`), its default. Variables and files count for `run`, `gate` and `faults`;',
    'each command takes the settings that it has a flag for. More: [working-with-it.md](working-with-it.md).',
    ...groups.flatMap(settingsIn),
    ...commands.flatMap(([typed, command]) => sectionOf(typed, command)),
    '',
  ].join('\n');
}

function settingsIn(group: string): string[] {
  const chosen = Object.entries(allSettings).filter(
    ([, setting]) => setting.group === group && setting.commands.length > 0,
  );
  const rows = chosen.map(([key, setting]) => [
    flagsOf(key, setting)
      .map(({ long }) => code(setting.argument === undefined ? long : `${long} ${setting.argument}`))
      .join(', '),
    key in gateSettings
      ? `${code(`gate.${key}`)}, ${code(variableOf(key, 'GATE_'))}`
      : `${code(key)}, ${code(variableOf(key))}`,
    defaultIn(setting),
    [sentence(meaningOf(key, setting)), ...rulesOf(setting)].join(' '),
    setting.commands.map(linkTo).join(', '),
  ]);
  const headings = ['flag', 'key in a file, variable', 'default', 'meaning', 'commands'];
  return ['', `### ${group}`, '', markdownTable(headings, rows)];
}

function meaningOf(key: string, setting: Setting): string {
  const flags = flagsOf(key, setting);
  return flags.length === 1
    ? setting.help
    : `${setting.help}: ${flags.map(({ long, help }) => `\`${long}\` to ${help}`).join('; ')}`;
}

function defaultIn(setting: Setting): string {
  const { otherwise } = setting;
  if (otherwise !== undefined) return otherwise;
  const preset = defaultOf(setting);
  if (preset === false) return 'no';
  return typeof preset === 'string' || typeof preset === 'number' ? code(String(preset)) : '';
}

function rulesOf({ needs, excludes = [], implies }: Setting): string[] {
  return [
    ...(needs === undefined ? [] : [`Needs ${named(needs, ' or ')}.`]),
    ...excludes.map((rule) => `Not with ${named(rule, ', ')}.`),
    ...(implies === undefined ? [] : [`Implies ${flagNamed(implies)}.`]),
  ];
}

function named({ settings, unless }: Rule, between: string): string {
  const lifted = unless === undefined ? '' : `, unless ${flagNamed(unless)}`;
  return `${settings.map(flagNamed).join(between)}${lifted}`;
}

function flagNamed(name: string): string {
  const [key = '', value] = name.split('=');
  const setting = allSettings[key];
  const long = setting === undefined ? key : flagsOf(key, setting)[0]?.long;
  return code(value === undefined ? (long ?? key) : `${long ?? key} ${value}`);
}

function sectionOf(typed: string, command: Command): string[] {
  const options = command.createHelp().visibleOptions(command);
  const own = options.filter((option) => !settingOf.has(option) && option.long !== '--help');
  const settings = options.filter((option) => settingOf.has(option));
  const rows = [
    ...command.registeredArguments.map((argument) => [
      code(typedArgument(argument)),
      sentence(argument.description),
    ]),
    ...own.map((option) => [code(option.flags), `${sentence(option.description)}${presetOf(option)}`]),
  ];
  return [
    '',
    `## \`${typed}\``,
    '',
    sentence(command.description()),
    ...(rows.length === 0 ? [] : ['', markdownTable(['flag or argument', 'meaning'], rows)]),
    ...(settings.length === 0
      ? []
      : ['', `Settings: ${settings.map(({ long }) => code(long ?? '')).join(', ')}.`]),
  ];
}

function typedArgument(argument: Argument): string {
  const inner = `${argument.name()}${argument.variadic ? '...' : ''}`;
  return argument.required ? `<${inner}>` : `[${inner}]`;
}

function presetOf({ defaultValue }: Option): string {
  return typeof defaultValue === 'string' ? ` Default: \`${defaultValue}\`.` : '';
}

/** Each command and those below it, with what is typed to call it. */
export function commandsOf(
  command: Command,
  typed: readonly string[] = [],
): [typed: string, command: Command][] {
  return command.commands.flatMap((inner) => {
    const words = [...typed, inner.name()];
    return [[words.join(' '), inner] as [string, Command], ...commandsOf(inner, words)];
  });
}

function linkTo(typed: string): string {
  return `[\`${typed}\`](#${typed.replaceAll(' ', '-')})`;
}

function sentence(text: string): string {
  return text === '' ? '' : `${text[0]?.toUpperCase() ?? ''}${text.slice(1)}.`;
}

function code(text: string): string {
  return `\`${text}\``;
}
