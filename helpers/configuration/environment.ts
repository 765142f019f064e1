import { z } from 'zod';
import { UsageError } from '../errors.ts';
import { checkedValues, nearMiss, settingSchemas, type Layer } from './settings.ts';

const prefix = 'CONFORMANCE_';

/** The variable that says a setting: `CONFORMANCE_REPORT_DIR` for reportDir. */
export function variableOf(key: string, group = ''): string {
  return `${prefix}${group}${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/**
 * Settings that the environment says. An empty variable says nothing; lists are separated by commas or blanks.
 * @param group What stands between prefix and name, e.g. `GATE_`
 * @throws UsageError for a value that cannot be, and for a variable that is a setting but for a slip
 */
export function environmentLayer(
  schema: z.ZodObject,
  environment: Readonly<Record<string, string | undefined>>,
  group = '',
): Layer {
  const types = settingSchemas(schema);
  const origin = (key: string): string => variableOf(key, group);
  const known = Object.keys(types).map(origin);
  for (const name of Object.keys(environment)) slipMustNotPass(name, known);
  const said = Object.entries(types).flatMap(([key, type]): [string, unknown][] => {
    const text = environment[origin(key)]?.trim() ?? '';
    return text === '' ? [] : [[key, valueOf(text, type)]];
  });
  return { values: checkedValues(schema, Object.fromEntries(said), origin), origin };
}

/** Other variables with the prefix are no settings: where the cache is, credentials of a proxy. */
function slipMustNotPass(name: string, known: readonly string[]): void {
  if (!name.startsWith(prefix) || known.includes(name) || others.includes(name)) return;
  const nearest = nearMiss(name, known);
  if (nearest === undefined) return;
  throw new UsageError(
    `There is no setting ${name}; the nearest is ${nearest}`,
    'Correct the variable, or unset it.',
  );
}

/** Variables that are near a setting's by chance. */
const others = ['CONFORMANCE_CACHE_DIR'];

/** What a text says for a setting of this type; the text itself where it says nothing such, for the schema to refuse. */
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
