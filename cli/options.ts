import { InvalidArgumentError, Option, type Command } from 'commander';
import { z } from 'zod';
import { readConfigFile } from '../helpers/configuration/config-file.ts';
import {
  configurationSchema,
  gateSettings,
  gateSettingsSchema,
  runSettings,
  type Configuration,
  type GateSettings,
} from '../helpers/configuration/configuration.ts';
import {
  choicesOf,
  defaultOf,
  flagsOf,
  withoutDefault,
  type Flag,
  type Setting,
  type SettingCommand,
} from '../helpers/configuration/setting.ts';
import {
  checkedValues,
  environmentLayer,
  settingsFrom,
  type Layer,
  type Settings,
} from '../helpers/configuration/settings.ts';
import { written } from '../helpers/text-table.ts';

/** All settings, of the gate first, by name. The two tables share no name. */
export const allSettings: Readonly<Record<string, Setting>> = { ...gateSettings, ...runSettings };

export function settingsOf(command: SettingCommand): string[] {
  return Object.keys(allSettings).filter((key) => allSettings[key]?.commands.includes(command));
}

export function withSettings(command: Command, takes: SettingCommand): Command {
  for (const option of settingsOf(takes).flatMap(optionsFor)) command.addOption(option);
  return command;
}

export function optionsFor(key: string): Option[] {
  const setting = allSettings[key];
  if (setting === undefined) throw new TypeError(`there is no setting ${key}`);
  const flags = flagsOf(key, setting);
  return flags.map((flag) => {
    const option = optionOf(flag, setting).helpGroup(`${setting.group}:`);
    settingOf.set(option, { key, flag });
    // One setting has one value.
    const others = flags.filter(({ long }) => long !== flag.long).map(({ long }) => long.slice(2));
    return others.length > 0 ? option.conflicts(others) : option;
  });
}

/** The setting that an option says. By the option itself: `--image` of `job` is another flag than that of `run`. */
export const settingOf = new WeakMap<Option, { readonly key: string; readonly flag: Flag }>();

function optionOf({ long, help }: Flag, setting: Setting): Option {
  const { argument, otherwise, parse } = setting;
  if (argument === undefined) return new Option(long, help);
  const preset = defaultOf(setting);
  // Commander shows no default in words where there is no value.
  const told = preset === undefined && otherwise !== undefined ? `${help} (default: ${otherwise})` : help;
  const option = new Option(`${long} ${argument}`, told);
  if (preset !== undefined) option.default(preset, otherwise);
  const type = withoutDefault(setting.type);
  if (parse !== undefined) return option.argParser(parse as (value: string, earlier: unknown) => unknown);
  if (type instanceof z.ZodEnum) return option.choices(choicesOf(type));
  if (type instanceof z.ZodNumber) return option.argParser(numberFor(type));
  if (type instanceof z.ZodArray) return option.argParser(collect);
  return option;
}

/** Parses a flag's value as a number of this type, with its limits. */
export function numberFor({ format, minValue, maxValue }: z.ZodNumber): (value: string) => number {
  const [form, what] = format !== null ? [/^[0-9]+$/, 'A whole number'] : [/^[0-9]+(\.[0-9]+)?$/, 'A number'];
  const [least, most] = [minValue ?? 0, maxValue ?? Infinity];
  return (value) => {
    const number = Number(value);
    if (form.test(value) && number >= least && number <= most) return number;
    throw new InvalidArgumentError(`${what} from ${String(least)} to ${String(most)}.`);
  };
}

/** Parses a flag's value as a whole number from 1 to `maximum`. */
export function countTo(maximum: number): (value: string) => number {
  return numberFor(z.number().int().min(1).max(maximum));
}

export function collect(value: string, earlier: readonly string[]): string[] {
  return [...earlier, value];
}

export interface Chosen {
  readonly run: Settings<Configuration>;
  readonly gate: Settings<GateSettings>;
}

/**
 * The settings of a command: flags before environment before configuration file before defaults. Settings that the
 * command has no flag for keep their defaults.
 * @throws UsageError for a wrong variable or file
 */
export async function chosenSettings(command: Command, environment = process.env): Promise<Chosen> {
  const file = await readConfigFile(command.getOptionValue('config') as string | undefined);
  const flags = flagLayer(command);
  const offered = new Set(command.options.map((option) => settingOf.get(option)?.key));
  const chosen = <S extends z.ZodObject>(schema: S, ...others: Layer[]): Settings<z.infer<S>> =>
    settingsFrom(schema, [flags, ...others.map((layer) => only(offered, layer))]);
  const run = chosen(configurationSchema, environmentLayer(configurationSchema, environment), file.run);
  return {
    run: withImplied(run),
    gate: chosen(gateSettingsSchema, environmentLayer(gateSettingsSchema, environment, 'GATE_'), file.gate),
  };
}

/** The settings of a command that takes flags only. */
export function flagSettings(command: Command): Configuration {
  return settingsFrom(configurationSchema, [flagLayer(command)]).values;
}

/** A setting that another one switches on comes from where that one comes from. */
function withImplied({ values, origins }: Settings<Configuration>): Settings<Configuration> {
  const said: Readonly<Record<string, unknown>> = values;
  const implied = Object.entries(allSettings).flatMap(([key, { implies }]) =>
    implies !== undefined && said[key] === true && said[implies] !== true ? [[implies, key] as const] : [],
  );
  return {
    values: { ...values, ...Object.fromEntries(implied.map(([key]) => [key, true])) },
    origins: { ...origins, ...Object.fromEntries(implied.map(([key, by]) => [key, origins[by] ?? ''])) },
  };
}

/** The effective settings and where each comes from, a line each. */
export function settingLines({ values, origins }: Settings<object>): string[] {
  const entries = Object.entries(values).map(([key, value]) => [key, written(value)] as const);
  const width = Math.max(...entries.map(([key]) => key.length));
  const wide = Math.max(...entries.map(([, value]) => value.length));
  return entries.map(
    ([key, value]) => `  ${key.padEnd(width)}  ${value.padEnd(Math.min(wide, 40))}  ${origins[key] ?? ''}`,
  );
}

function flagLayer(command: Command): Layer {
  const values: Record<string, unknown> = {};
  const names: Record<string, string> = {};
  for (const option of command.options) {
    const said = settingOf.get(option);
    const attribute = option.attributeName();
    if (said === undefined || command.getOptionValueSource(attribute) !== 'cli') continue;
    const { key, flag } = said;
    values[key] = flag.value ?? command.getOptionValue(attribute);
    names[key] = flag.long;
  }
  const origin = (key: string): string => names[key] ?? '';
  const checked = [configurationSchema, gateSettingsSchema].map((schema) =>
    checkedValues(schema, values, origin),
  );
  return { values: Object.assign({}, ...checked) as Record<string, unknown>, origin };
}

function only(keys: ReadonlySet<string | undefined>, { values, origin }: Layer): Layer {
  return { values: Object.fromEntries(Object.entries(values).filter(([key]) => keys.has(key))), origin };
}
