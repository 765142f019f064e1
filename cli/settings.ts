import { Option, type Command } from 'commander';
import type { z } from 'zod';
import { readConfigFile } from '../helpers/configuration/config-file.ts';
import { configurationSchema, type Configuration } from '../helpers/configuration/configuration.ts';
import { environmentLayer } from '../helpers/configuration/environment.ts';
import { gateSettingsSchema, type GateSettings } from '../helpers/configuration/gate-settings.ts';
import { checkedValues, settingsFrom, type Layer, type Settings } from '../helpers/configuration/settings.ts';

export const configOption = (): Option =>
  new Option('--config <file>', 'settings from this file (conformance.config.ts of this folder)');

/** Flags that are called otherwise than the setting they say, or say a value by their name. */
const flagOf: Readonly<Record<string, { readonly key: string; readonly value?: unknown }>> = {
  step: { key: 'steps' },
  quiet: { key: 'verbosity', value: 'quiet' },
  verbose: { key: 'verbosity', value: 'verbose' },
};

/** What a command is to do, and where each setting comes from. */
export interface Chosen {
  readonly run: Settings<Configuration>;
  readonly gate: Settings<GateSettings>;
}

/**
 * The settings of a command: flags before environment before configuration file before defaults. What the command has no
 * flag for is left at its default, whoever says it.
 * @throws UsageError for a wrong variable or file
 */
export async function settingsOf(command: Command, environment = process.env): Promise<Chosen> {
  const file = await readConfigFile(command.getOptionValue('config') as string | undefined);
  const flags = flagsOf(command);
  const offered = new Set(command.options.map((option) => keyOf(option.attributeName())));
  const chosen = <S extends z.ZodObject>(schema: S, ...others: Layer[]): Settings<z.infer<S>> =>
    settingsFrom(schema, [flags, ...others.map((layer) => only(offered, layer))]);
  const run = chosen(configurationSchema, environmentLayer(configurationSchema, environment), file.run);
  return {
    run: run.values.reuse ? keeping(run) : run,
    gate: chosen(gateSettingsSchema, environmentLayer(gateSettingsSchema, environment, 'GATE_'), file.gate),
  };
}

/** A kept cluster that is used again stays. */
function keeping({ values, origins }: Settings<Configuration>): Settings<Configuration> {
  return {
    values: { ...values, keep: true },
    origins: {
      ...origins,
      keep: origins['keep'] === 'default' ? (origins['reuse'] ?? '') : (origins['keep'] ?? ''),
    },
  };
}

/** The effective settings and where each comes from, a line each. */
export function settingLines({ values, origins }: Settings<object>): string[] {
  const entries = Object.entries(values).map(([key, value]) => [key, shown(value)] as const);
  const width = Math.max(...entries.map(([key]) => key.length));
  const wide = Math.max(...entries.map(([, value]) => value.length));
  return entries.map(
    ([key, value]) => `  ${key.padEnd(width)}  ${value.padEnd(Math.min(wide, 40))}  ${origins[key] ?? ''}`,
  );
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function keyOf(attribute: string): string {
  return flagOf[attribute]?.key ?? attribute;
}

function flagsOf(command: Command): Layer {
  const values: Record<string, unknown> = {};
  const names: Record<string, string> = {};
  for (const option of command.options) {
    const attribute = option.attributeName();
    if (command.getOptionValueSource(attribute) !== 'cli') continue;
    const key = keyOf(attribute);
    values[key] = flagOf[attribute]?.value ?? command.getOptionValue(attribute);
    names[key] = option.long ?? option.flags;
  }
  const origin = (key: string): string => names[key] ?? '';
  const checked = [configurationSchema, gateSettingsSchema].map((schema) =>
    checkedValues(schema, values, origin),
  );
  return { values: Object.assign({}, ...checked) as Record<string, unknown>, origin };
}

function only(keys: ReadonlySet<string>, { values, origin }: Layer): Layer {
  return { values: Object.fromEntries(Object.entries(values).filter(([key]) => keys.has(key))), origin };
}
