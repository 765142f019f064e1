import { written } from '../text-table.ts';
import { splitFormat } from '../trip/envoy.ts';
import { jsonIn } from '../errors.ts';

/** One field of an access log, as a program that reads it counts it. */
export interface LogField {
  /** `%UPSTREAM_HOST%`; `%UPSTREAM_HOST% #2` where it occurs again. Of JSON the key. */
  readonly name: string;
  /** With what touches it, e.g. `"%UPSTREAM_HOST%"`; of JSON the value. */
  readonly written: string;
  /** From 1. */
  readonly position: number;
  /** The last field is 1. */
  readonly fromEnd: number;
  /** The blanks, and whatever stands between them, that part it from the field before. */
  readonly separator: string;
}

export interface AccessLog {
  readonly encoding: 'none' | 'text' | 'JSON';
  readonly fields: readonly LogField[];
  /** What follows the last field and the characters that touch it. */
  readonly ending: string;
}

/** Something a log pipeline would notice. */
export interface LogChange {
  readonly id: string;
  /** Name of the field, '' where it is about the whole line. */
  readonly field: string;
  readonly before: string;
  readonly after: string;
  /** It only counts otherwise, because a field before it came, went or moved. */
  readonly consequence: boolean;
}

/** A field of either log in the order of a line, for a table. */
export interface FieldPair {
  readonly name: string;
  readonly before: LogField | undefined;
  readonly after: LogField | undefined;
}

/** The fields of Envoy's format: text, a JSON object, or '' for no access log. Never throws. */
export function accessLogOf(format: string): AccessLog {
  if (format === '') return { encoding: 'none', fields: [], ending: '' };
  const record = parseObject(format);
  if (record !== undefined) {
    // The order of a JSON object's members means nothing.
    const members = flattened(record).sort(([a], [b]) => (a < b ? -1 : 1));
    const fields = members.map(([name, written]) => ({ name, written, separator: '' }));
    return { encoding: 'JSON', fields: counted(fields), ending: '' };
  }
  const { fields, tail } = splitFormat(format);
  const seen = new Map<string, number>();
  const named = fields.map(({ operator, literalBefore }, index) => {
    const times = (seen.get(operator) ?? 0) + 1;
    seen.set(operator, times);
    const literalAfter = fields[index + 1]?.literalBefore ?? tail;
    return {
      name: times === 1 ? `%${operator}%` : `%${operator}% #${times}`,
      written: `${touchingEnd(literalBefore)}%${operator}%${touchingStart(literalAfter)}`,
      separator: between(literalBefore, index === 0),
    };
  });
  const ending = fields.length === 0 ? tail : tail.slice(touchingStart(tail).length);
  return { encoding: 'text', fields: counted(named), ending };
}

/** Every difference between two formats; none only when they are the same but for the order of JSON's members. */
export function accessLogChanges(formatBefore: string, formatAfter: string): LogChange[] {
  if (formatBefore === formatAfter) return [];
  const before = accessLogOf(formatBefore);
  const after = accessLogOf(formatAfter);
  if (before.encoding !== after.encoding) return [whole('encoding', before.encoding, after.encoding)];
  const pairs = fieldPairs(before, after);
  const changes = pairs.flatMap((pair) => [
    ...(before.encoding === 'JSON'
      ? presence(pair)
      : [...presence(pair), ...movement(pair, settled(before, after))]),
    ...writing(pair, before, after),
  ]);
  if (before.ending !== after.ending)
    changes.push(whole('ending', quote(before.ending), quote(after.ending)));
  // What lies between the fields of one that is new is not looked at above, nor what is no operator at all.
  const unnoticed = before.encoding === 'text' && changes.length === 0;
  return unnoticed ? [whole('text', quote(formatBefore), quote(formatAfter))] : changes;
}

/** The fields of both in the order of the newer one; a removed one stands where it was. */
export function fieldPairs(before: AccessLog, after: AccessLog): FieldPair[] {
  const names = after.fields.map(({ name }) => name);
  before.fields.forEach(({ name }, index) => {
    if (names.includes(name)) return;
    const previous = before.fields[index - 1]?.name;
    names.splice(previous === undefined ? 0 : names.indexOf(previous) + 1, 0, name);
  });
  return names.map((name) => ({ name, before: fieldOf(before, name), after: fieldOf(after, name) }));
}

/** `19 (6 from the end)` */
export function place({ position, fromEnd }: LogField): string {
  return `${position} (${fromEnd} from the end)`;
}

function presence({ name, before, after }: FieldPair): LogChange[] {
  if (before !== undefined && after !== undefined) return [];
  const counts = name.startsWith('%');
  const [sign, field] = before === undefined ? ['+', after] : ['-', before];
  const at = counts && field !== undefined ? ` at ${field.position}` : '';
  const said = (one: LogField | undefined): string =>
    one === undefined ? 'absent' : counts ? `field ${place(one)}` : one.written;
  return [change(`${sign}${name}${at}`, name, said(before), said(after))];
}

function movement({ name, before, after }: FieldPair, inOrder: ReadonlySet<string>): LogChange[] {
  if (before === undefined || after === undefined) return [];
  const moved = !inOrder.has(name);
  if (!moved && before.position === after.position && before.fromEnd === after.fromEnd) return [];
  const places =
    before.position === after.position
      ? `from the end ${before.fromEnd} -> ${after.fromEnd}`
      : `${before.position} -> ${after.position}`;
  const [old, now] = [`field ${place(before)}`, `field ${place(after)}`];
  return [{ ...change(`${name} moved ${places}`, name, old, now), consequence: !moved }];
}

function writing({ name, before, after }: FieldPair, logBefore: AccessLog, logAfter: AccessLog): LogChange[] {
  if (before === undefined || after === undefined) return [];
  const samePrevious = previous(logBefore, before) === previous(logAfter, after);
  return [
    ...(before.written === after.written
      ? []
      : [change(`${name} format`, name, before.written, after.written)]),
    ...(samePrevious && before.separator !== after.separator
      ? [change(`${name} separator`, name, quote(before.separator), quote(after.separator))]
      : []),
  ];
}

function whole(what: string, before: string, after: string): LogChange {
  return change(what, '', before, after);
}

function change(what: string, field: string, before: string, after: string): LogChange {
  return { id: `log: ${what}`, field, before, after, consequence: false };
}

/** Names that kept their order: the longest run of fields of which nothing overtook another. */
function settled(before: AccessLog, after: AccessLog): ReadonlySet<string> {
  const positions = before.fields.flatMap(({ name }) => {
    const position = fieldOf(after, name)?.position;
    return position === undefined ? [] : [{ name, position }];
  });
  const runs: { readonly position: number; readonly names: readonly string[] }[] = [];
  for (const { name, position } of positions) {
    const best = longest(runs.filter((run) => run.position < position));
    runs.push({ position, names: [...best, name] });
  }
  return new Set(longest(runs));
}

function longest(runs: readonly { readonly names: readonly string[] }[]): readonly string[] {
  return runs.reduce<readonly string[]>((most, { names }) => (names.length > most.length ? names : most), []);
}

function fieldOf(log: AccessLog, name: string): LogField | undefined {
  return log.fields.find((field) => field.name === name);
}

function previous(log: AccessLog, field: LogField): string | undefined {
  return log.fields[field.position - 2]?.name;
}

function counted(fields: readonly Omit<LogField, 'position' | 'fromEnd'>[]): LogField[] {
  return fields.map((field, index) => ({ ...field, position: index + 1, fromEnd: fields.length - index }));
}

function touchingEnd(literal: string): string {
  return /\S*$/.exec(literal)?.[0] ?? '';
}

function touchingStart(literal: string): string {
  return /^\S*/.exec(literal)?.[0] ?? '';
}

function between(literal: string, first: boolean): string {
  const start = first ? 0 : touchingStart(literal).length;
  return literal.slice(start, Math.max(start, literal.length - touchingEnd(literal).length));
}

function parseObject(format: string): object | undefined {
  if (!format.trimStart().startsWith('{')) return undefined;
  const value = jsonIn(format);
  return typeof value === 'object' && value !== null ? value : undefined;
}

function flattened(value: object, prefix = ''): [string, string][] {
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]): [string, string][] =>
    typeof inner === 'object' && inner !== null
      ? flattened(inner, `${prefix}${key}.`)
      : [[`${prefix}${key}`, written(inner)]],
  );
}

function quote(text: string): string {
  return JSON.stringify(text);
}
