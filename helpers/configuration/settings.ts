import { closest, distance } from 'fastest-levenshtein';
import { z } from 'zod';
import { UsageError } from '../errors.ts';
import { runSettings, type Configuration } from './configuration.ts';
import {
  choicesOf,
  defaultOf,
  flagsOf,
  variableOf,
  variablePrefix,
  withoutDefault,
  type Rule,
  type Setting,
} from './setting.ts';

/** What to read when a setting is refused. */
export const settingsHint = 'All settings: docs/cli.md';

/** Settings that one source gives, and how that source is called for each of them. */
export interface Layer {
  readonly values: Readonly<Record<string, unknown>>;
  readonly origin: (key: string) => string;
}

export interface Settings<T> {
  readonly values: T;
  /** By setting: `--istio`, `CONFORMANCE_ISTIO`, `conformance.config.ts`, or `default`. */
  readonly origins: Readonly<Record<string, string>>;
}

/**
 * Puts layers over each other: the first that says a setting wins; what none says is its default.
 * @param layers Each checked already
 */
export function settingsFrom<S extends z.ZodObject>(
  schema: S,
  layers: readonly Layer[],
): Settings<z.infer<S>> {
  const values: Record<string, unknown> = {};
  const origins: Record<string, string> = {};
  for (const key of Object.keys(schema.shape)) {
    const layer = layers.find((candidate) => candidate.values[key] !== undefined);
    if (layer !== undefined) values[key] = layer.values[key];
    origins[key] = layer?.origin(key) ?? 'default';
  }
  return { values: schema.parse(values), origins };
}

/**
 * Checks what a source says, each setting by its own schema.
 * @param nameOf What the source calls a setting, in messages
 * @throws UsageError that names every wrong one
 */
export function checkedValues(
  schema: z.ZodObject,
  values: Readonly<Record<string, unknown>>,
  nameOf: (key: string) => string,
): Record<string, unknown> {
  const problems: string[] = [];
  const checked: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(values)) {
    if (!(key in schema.shape) || value === undefined) continue;
    const type = withoutDefault(schema.shape[key] as z.ZodType);
    const result = type.safeParse(value);
    if (result.success) checked[key] = result.data;
    else problems.push(...result.error.issues.map((issue) => `${nameOf(key)}${told(issue, type)}`));
  }
  if (problems.length > 0) throw new UsageError(problems.join('\n'), settingsHint);
  return checked;
}

function told(issue: z.core.$ZodIssue, type: z.ZodType): string {
  const where = issue.path.map((part) => `.${String(part)}`).join('');
  const choices = choicesOf(type);
  const what = choices.length > 0 && where === '' ? `one of ${choices.join(', ')}` : issue.message;
  return `${where}: ${what}`;
}

/**
 * Settings of the environment. An empty variable says nothing; lists are separated by commas or blanks. Commander's
 * `.env()` cannot replace this: it switches a flag on whatever the variable holds, and ignores a misspelt variable.
 * @param group What stands between prefix and name, e.g. `GATE_`
 * @throws UsageError for a value that cannot be, and for a variable that looks like a misspelt setting
 */
export function environmentLayer(
  schema: z.ZodObject,
  environment: Readonly<Record<string, string | undefined>>,
  group = '',
): Layer {
  const origin = (key: string): string => variableOf(key, group);
  const known = Object.keys(schema.shape).map(origin);
  for (const name of Object.keys(environment)) mustNotBeMisspelt(name, known);
  const said = Object.entries(schema.shape).flatMap(([key, type]): [string, unknown][] => {
    const text = environment[origin(key)]?.trim() ?? '';
    return text === '' ? [] : [[key, valueOf(text, withoutDefault(type as z.ZodType))]];
  });
  return { values: checkedValues(schema, Object.fromEntries(said), origin), origin };
}

/** Other variables with the prefix are no settings: where the cache is, credentials of a proxy. */
function mustNotBeMisspelt(name: string, known: readonly string[]): void {
  if (!name.startsWith(variablePrefix) || known.includes(name) || others.includes(name)) return;
  const nearest = closest(name, known);
  if (distance(name, nearest) > 2) return;
  throw new UsageError(
    `There is no setting ${name}; the nearest is ${nearest}`,
    'Correct the variable, or unset it.',
  );
}

/** Variables that resemble a setting's by chance. */
const others = ['CONFORMANCE_CACHE_DIR'];

/** The value a text means for a setting of this type; the text itself where it means none, for the schema to refuse. */
function valueOf(text: string, type: z.ZodType): unknown {
  if (type instanceof z.ZodBoolean) {
    const known: Readonly<Record<string, boolean>> = { true: true, '1': true, false: false, '0': false };
    return known[text.toLowerCase()] ?? text;
  }
  if (type instanceof z.ZodNumber) return /^[0-9.]+$/.test(text) ? Number(text) : text;
  const parts = text.split(/[\s,]+/);
  if (type instanceof z.ZodArray) return parts;
  if (type instanceof z.ZodRecord) {
    return Object.fromEntries(parts.map((part) => [part.split('=')[0], part.slice(part.indexOf('=') + 1)]));
  }
  return text;
}

/**
 * Checks what each setting needs and excludes, whether it comes from a flag, the environment or a file.
 * @throws UsageError for the first that does not fit
 */
export function settingsMustFit(configuration: Configuration): void {
  const table: Readonly<Record<string, Setting>> = runSettings;
  const values: Readonly<Record<string, unknown>> = configuration;
  const isGiven = (name: string): boolean => {
    const [key = '', value] = name.split('=');
    const setting = table[key];
    if (setting === undefined) throw new TypeError(`a rule names ${key}, which is no setting`);
    if (value !== undefined) return values[key] === value;
    return JSON.stringify(values[key]) !== JSON.stringify(defaultOf(setting));
  };
  const flagOf = (name: string): string => {
    const [key = '', value] = name.split('=');
    const long = flagsOf(key, table[key] as Setting)[0]?.long ?? key;
    return value === undefined ? long : `${long} ${value}`;
  };
  const asSaid = (name: string): string => {
    const value = name.includes('=') ? undefined : values[name];
    return typeof value === 'string' ? `${flagOf(name)} ${value}` : flagOf(name);
  };
  const applies = ({ unless }: Rule): boolean => unless === undefined || !isGiven(unless);
  for (const [key, setting] of Object.entries(table)) {
    if (!isGiven(key)) continue;
    const flag = flagOf(key);
    const { needs, excludes = [] } = setting;
    if (needs !== undefined && applies(needs) && !needs.settings.some(isGiven)) {
      const others = needs.settings.map(flagOf).join(' or ');
      throw new UsageError(needs.why?.(flag, others) ?? `${flag} needs ${others}`, needs.hint);
    }
    for (const rule of excludes.filter(applies)) {
      const other = rule.settings.find(isGiven);
      if (other === undefined) continue;
      const plain = `${flag} and ${flagOf(other)} exclude each other`;
      throw new UsageError(rule.why?.(flag, asSaid(other)) ?? plain, rule.hint);
    }
  }
}
