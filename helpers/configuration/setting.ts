import { z } from 'zod';

/** Headings of --help and docs/cli.md, in their order. */
export const groups = [
  'Upgrade',
  'What to run',
  'Your configuration',
  'Where to run',
  'Images',
  'Proxy and page',
  'Output',
] as const;
export type Group = (typeof groups)[number];

/** Commands that take settings, as they are typed. */
export type SettingCommand =
  | 'run'
  | 'gate'
  | 'faults'
  | 'doctor'
  | 'matrix'
  | 'images list'
  | 'images build'
  | 'images pull'
  | 'images save'
  | 'clean'
  | 'job'
  | 'rbac';

/** One thing that a user can choose. Every way to choose it is made from this. */
export interface Setting {
  /** What a value may be, with its default. */
  readonly type: z.ZodType;
  readonly commands: readonly SettingCommand[];
  readonly group: Group;
  readonly help: string;
  /** The flag's value in --help, e.g. `<version>`; a flag without a value has none. */
  readonly argument?: string;
  /** The flag, where it is not the setting's own name with hyphens. */
  readonly flag?: string;
  /** For a setting with one flag a value: the value that each flag means, and its line of --help. */
  readonly flags?: Readonly<Record<string, { readonly value: string; readonly help: string }>>;
  /** The default in words, where it is no value. */
  readonly otherwise?: string;
  /** Reads the flag's value where its type does not say how. @throws UsageError */
  readonly parse?: (value: string, earlier: never) => unknown;
  /** When this setting is given, one of these must be given too. */
  readonly needs?: Rule;
  /** When this setting is given, none of these may be. */
  readonly excludes?: readonly Rule[];
  /** A setting that this one switches on. */
  readonly implies?: string;
}

export interface Rule {
  /** Names of settings, or `name=value` for one value of them. */
  readonly settings: readonly string[];
  /** A setting that lifts the rule. */
  readonly unless?: string;
  /** What is wrong, from both as the user says them, e.g. `--proxy` and `--target hermetic`. */
  readonly why?: (flag: string, other: string) => string;
  readonly hint: string;
}

/** One flag of a setting: `value` is what it means where it takes none. */
export interface Flag {
  readonly long: string;
  readonly help: string;
  readonly value?: string;
}

export function flagsOf(key: string, { flag, flags, help }: Setting): readonly Flag[] {
  if (flags === undefined) return [{ long: flag ?? `--${words(key).join('-')}`, help }];
  return Object.entries(flags).map(([long, meaning]) => ({ long, ...meaning }));
}

export const variablePrefix = 'CONFORMANCE_';

/** The environment variable of a setting: `CONFORMANCE_REPORT_DIR` for reportDir. */
export function variableOf(key: string, group = ''): string {
  return `${variablePrefix}${group}${words(key).join('_').toUpperCase()}`;
}

function words(key: string): string[] {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`).split('-');
}

/** A setting as its group's table has it: `commands` where they are others than those of the group. */
type InGroup = Omit<Setting, 'group' | 'commands'> & Partial<Pick<Setting, 'commands'>>;

/** Keeps the compiler's eye on misspelt fields, of which a type parameter alone would take any. */
type Spelt<T> = {
  readonly [K in keyof T]: Readonly<Partial<Record<Exclude<keyof T[K], keyof InGroup>, never>>>;
};

/**
 * Settings of one group of `--help` and docs/cli.md.
 * @param commands Those that take each of them
 */
export function inGroup<T extends Readonly<Record<string, InGroup>>>(
  group: Group,
  commands: readonly SettingCommand[],
  table: T & Spelt<T>,
): { readonly [K in keyof T]: T[K] & Pick<Setting, 'group' | 'commands'> } {
  const entries = Object.entries<InGroup>(table);
  const settings = entries.map(([key, setting]) => [key, { group, commands, ...setting }]);
  return Object.fromEntries(settings) as { [K in keyof T]: T[K] & Pick<Setting, 'group' | 'commands'> };
}

/** The schema of every setting of a table, for `z.object`. */
export function typesOf<T extends Readonly<Record<string, Setting>>>(
  table: T,
): { readonly [K in keyof T]: T[K]['type'] } {
  const types = Object.entries(table).map(([key, { type }]) => [key, type]);
  return Object.fromEntries(types) as { [K in keyof T]: T[K]['type'] };
}

export function withoutDefault(type: z.ZodType): z.ZodType {
  if (type instanceof z.ZodDefault || type instanceof z.ZodOptional) {
    return withoutDefault(type.unwrap() as z.ZodType);
  }
  return type;
}

/** The value of a setting that is not given; undefined where it has no default. */
export function defaultOf({ type }: Setting): unknown {
  return type.safeParse(undefined).data;
}

/** The values of a closed list, for help, messages and completion; none where a setting has no such list. */
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
