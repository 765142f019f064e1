import { closest, distance } from 'fastest-levenshtein';
import { z } from 'zod';
import { UsageError } from '../errors.ts';

/** Settings that one source gives, and how that source is called for each of them. */
export interface Layer {
  readonly values: Readonly<Record<string, unknown>>;
  readonly origin: (key: string) => string;
}

/** The effective value of every setting, and where each comes from. */
export interface Settings<T> {
  readonly values: T;
  /** By setting: `--istio`, `CONFORMANCE_ISTIO`, `conformance.config.ts`, or `default`. */
  readonly origins: Readonly<Record<string, string>>;
}

/** One setting's schema without its default: what a source that says it may say. */
export function settingSchemas(schema: z.ZodObject): Readonly<Record<string, z.ZodType>> {
  return Object.fromEntries(
    Object.entries(schema.shape).map(([key, type]) => [key, withoutDefault(type as z.ZodType)]),
  );
}

/**
 * Puts layers over each other, the first that says a setting has it; what none says is its default.
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
  const schemas = settingSchemas(schema);
  const problems: string[] = [];
  const checked: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(values)) {
    const type = schemas[key];
    if (type === undefined || value === undefined) continue;
    const result = type.safeParse(value);
    if (result.success) checked[key] = result.data;
    else problems.push(...result.error.issues.map((issue) => `${nameOf(key)}${told(issue, type)}`));
  }
  if (problems.length > 0) throw new UsageError(problems.join('\n'), 'The settings: docs/working-with-it.md');
  return checked;
}

/** The known name that a mistyped one most likely means; undefined when none is near. */
export function nearMiss(name: string, known: readonly string[]): string | undefined {
  const nearest = closest(name, known);
  return distance(name, nearest) <= 2 ? nearest : undefined;
}

function told(issue: z.core.$ZodIssue, type: z.ZodType): string {
  const where = issue.path.map((part) => `.${String(part)}`).join('');
  const choices = choicesOf(type);
  const what = choices.length > 0 && where === '' ? `one of ${choices.join(', ')}` : issue.message;
  return `${where}: ${what}`;
}

/** The values of a closed list, for messages and completion; none where a setting has no such list. */
export function choicesOf(type: z.ZodType): readonly string[] {
  const inner = withoutDefault(type);
  if (inner instanceof z.ZodEnum) return inner.options.map(String);
  if (inner instanceof z.ZodUnion) {
    return (inner.options as z.ZodType[]).flatMap((option) =>
      option instanceof z.ZodTemplateLiteral ? ['mirror=HOST[:PORT][/PREFIX]'] : choicesOf(option),
    );
  }
  return [];
}

export function withoutDefault(type: z.ZodType): z.ZodType {
  if (type instanceof z.ZodDefault || type instanceof z.ZodOptional) {
    return withoutDefault(type.unwrap() as z.ZodType);
  }
  return type;
}
