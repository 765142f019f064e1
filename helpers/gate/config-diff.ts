import diff from 'microdiff';
import { withoutNoise, type Phase } from './config-noise.ts';

/** A place at which the configurations of two phases are not the same. */
export interface ConfigChange {
  readonly part: string;
  /** JSON pointer within the part, '' for the whole; an element of a list of named things is called by its name. */
  readonly path: string;
  /** JSON, or {@link absent}. */
  readonly before: string;
  readonly after: string;
}

export const absent = '(none)';

/** Key under which a list of named things keeps its order while it is compared as a map. */
const order = '(order)';

/** Differences of two phases' configurations, in the order of the parts; noise makes none. */
export function configChanges(before: Phase, after: Phase): ConfigChange[] {
  return changesBetween(comparable(before), comparable(after));
}

/** Differences of two sets of parts, in the order of the parts. */
export function changesBetween(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): ConfigChange[] {
  return diff(mapped(before), mapped(after)).flatMap((found) => {
    const [part, ...path] = found.path.map(String);
    const old: unknown = found.type === 'CREATE' ? undefined : found.oldValue;
    const now: unknown = found.type === 'REMOVE' ? undefined : found.value;
    if (path.at(-1) === order) {
      if (sameOrder(old, now)) return [];
      return [{ part: part ?? '', path: pointer(path), before: String(old), after: String(now) }];
    }
    return [{ part: part ?? '', path: pointer(path), before: text(old), after: text(now) }];
  });
}

function mapped(parts: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, keyed(part)]));
}

function comparable(phase: Phase): Record<string, unknown> {
  const { listener, cluster, routes, outbound } = phase.config;
  const parts = Object.entries({ listener, cluster, routes, outbound });
  return Object.fromEntries(
    parts
      .filter(([, part]) => part !== null && part !== undefined)
      .map(([name, part]) => [name, withoutNoise(part, phase)]),
  );
}

/**
 * Lists of named things as maps, so that an added filter is one difference and not one for every filter after it.
 * Their order is kept beside them, because filters run in it.
 */
function keyed(value: unknown): unknown {
  if (Array.isArray(value)) {
    const names = value.map(nameOf);
    const elements = value.map(keyed);
    if (names.length === 0 || !names.every((name) => name !== undefined)) return elements;
    const seen = new Map<string, number>();
    const keys = names.map((name) => {
      const times = (seen.get(name) ?? 0) + 1;
      seen.set(name, times);
      return times === 1 ? name : `${name}#${times}`;
    });
    return {
      ...Object.fromEntries(keys.map((key, index) => [key, elements[index]])),
      [order]: JSON.stringify(keys),
    };
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]: [string, unknown]) => [key, keyed(inner)]),
  );
}

function nameOf(element: unknown): string | undefined {
  if (typeof element !== 'object' || element === null || !('name' in element)) return undefined;
  return typeof element.name === 'string' && element.name !== '' ? element.name : undefined;
}

/** Whether what both lists have stands in the same order; what only one has is a difference of its own. */
function sameOrder(old: unknown, now: unknown): boolean {
  const before = namesIn(old);
  const after = namesIn(now);
  const common = (names: readonly string[], others: readonly string[]): string =>
    JSON.stringify(names.filter((name) => others.includes(name)));
  return common(before, after) === common(after, before);
}

function namesIn(value: unknown): string[] {
  const names: unknown = typeof value === 'string' ? JSON.parse(value) : [];
  return Array.isArray(names) ? names.map(String) : [];
}

/** RFC 6901. */
function pointer(path: readonly string[]): string {
  return path.map((segment) => `/${segment.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

function text(value: unknown): string {
  return value === undefined ? absent : JSON.stringify(asWritten(value));
}

/** The inverse of {@link keyed}. */
function asWritten(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asWritten);
  if (typeof value !== 'object' || value === null) return value;
  const entries: [string, unknown][] = Object.entries(value);
  const names = entries.find(([key]) => key === order);
  if (names === undefined) return Object.fromEntries(entries.map(([key, inner]) => [key, asWritten(inner)]));
  const elements = new Map(entries);
  return namesIn(names[1]).map((name) => asWritten(elements.get(name)));
}
