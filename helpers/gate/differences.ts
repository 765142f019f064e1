import type { Difference, Observation, ObservedLimit, ObservedStep } from '../results/gate.ts';
import { accessLogChanges } from './access-log-fields.ts';
import { configChanges } from './config-diff.ts';
import { expectedBy, unusedChanges, type ExpectedChange, type UpgradePair } from './expected-changes.ts';

/** What an upgrade is there to change. Any other component that changes meanwhile makes the comparison doubtful. */
const upgraded: ReadonlySet<string> = new Set(['istiod', 'istio-proxy', 'envoy']);

const none = 'none';

/** Why an unchanged field has another position. */
export const counting = 'counts otherwise because of fields that came, went or moved';

/**
 * What differs between two phases, the steps first. Of the steps those are compared that both phases have.
 * @param expected The reviewed list, of which the entries for `pair` count
 * @returns `unused`: ids of those entries that expected a difference that is not there
 */
export function compare(
  before: Observation,
  after: Observation,
  expected: readonly ExpectedChange[],
  pair: UpgradePair,
): { differences: Difference[]; unused: string[] } {
  const differences = [
    ...stepDifferences(before.steps, after.steps),
    ...limitDifferences(before.limits, after.limits).map((found): Difference => {
      const entry = expectedBy(found, expected, pair);
      return entry === undefined
        ? { ...found, status: 'new', severity: 'regression' }
        : { ...found, status: 'expected', reason: entry.reason, severity: 'info' };
    }),
    ...logDifferences(before, after).map(({ consequence, ...found }): Difference =>
      consequence
        ? { ...found, status: 'expected', reason: counting, severity: 'info' }
        : judged(found, expected, pair),
    ),
    ...configDifferences(before, after).map((found) => judged(found, expected, pair)),
    ...changed(before.versions, after.versions).map(([name, old, now]) => versionDifference(name, old, now)),
    ...changed(before.images, after.images).map(([name, old, now]) =>
      listed('image', name, old, now, 'the upgrade changes it'),
    ),
    ...inBoth(before.steps, after.steps)
      .filter(([old, now]) => [old, now].every(({ status }) => status === 'passed'))
      .filter(([old, now]) => old.durationMs !== now.durationMs)
      .map(([old, now]) => {
        const [was, is] = [`${old.durationMs} ms`, `${now.durationMs} ms`];
        return listed('duration', old.id, was, is, 'durations are listed, not judged');
      }),
  ];
  // What accepts a replaced listener is judged by the step that watches it.
  const compared = expected.filter(({ kind }) => kind !== 'drain');
  return { differences, unused: unusedChanges(differences, compared, pair).map(({ id }) => id) };
}

type Found = Pick<Difference, 'kind' | 'id' | 'before' | 'after'>;

/**
 * Limits that came, or got tighter. The gate's own traffic is busy, short-lived and of few connections, so it meets none of
 * them: what it cannot show must be read.
 */
function limitDifferences(before: readonly ObservedLimit[], after: readonly ObservedLimit[]): Found[] {
  return after.flatMap((now): Found[] => {
    const old = before.filter(({ what }) => what === now.what);
    if (old.some((one) => isAsTight(one, now))) return [];
    const said = old.map(({ told }) => told).join('; ');
    return [{ kind: 'limit', id: `limit: ${now.what}`, before: said === '' ? none : said, after: now.told }];
  });
}

/** Whether who kept within the old limit keeps within the new one. */
function isAsTight(old: ObservedLimit, now: ObservedLimit): boolean {
  if (old.limit === undefined || now.limit === undefined) return old.told === now.told;
  return old.limit <= now.limit;
}

function logDifferences(before: Observation, after: Observation): (Found & { consequence: boolean })[] {
  const changes = accessLogChanges(before.accessLog.format, after.accessLog.format);
  return changes.map(({ field: _field, ...found }) => ({ kind: 'log', ...found }));
}

function configDifferences(before: Observation, after: Observation): Found[] {
  return configChanges(before, after).map(({ part, path, ...found }) => ({
    kind: 'config',
    id: `config: ${part}${path === '' ? '' : ` ${path}`}`,
    ...found,
  }));
}

/** New unless the reviewed list says otherwise. */
function judged(found: Found, expected: readonly ExpectedChange[], pair: UpgradePair): Difference {
  const entry = expectedBy(found, expected, pair);
  return entry === undefined
    ? { ...found, status: 'new', severity: 'warning' }
    : { ...found, status: 'expected', reason: entry.reason, severity: 'info' };
}

/** A phase has the steps that make sense in it, and it is the gate that sees to each of them leaving a result. */
function stepDifferences(before: readonly ObservedStep[], after: readonly ObservedStep[]): Difference[] {
  const pairs = inBoth(before, after);
  if (pairs.length === 0) {
    const count = (steps: readonly ObservedStep[]): string => `${steps.length} steps`;
    const reason = 'no step ran in both phases, so nothing was compared';
    return [regression('steps', count(before), count(after), reason)];
  }
  return pairs.flatMap(([old, now]): Difference[] => {
    if (old.status === now.status) return [];
    const reason = now.reason === '' ? undefined : now.reason;
    const worse = regression(now.id, old.status, now.status, reason);
    return [old.status === 'passed' ? worse : { ...worse, severity: 'info' }];
  });
}

function regression(name: string, before: string, after: string, reason?: string): Difference {
  return { kind: 'step', id: `step: ${name}`, before, after, status: 'new', reason, severity: 'regression' };
}

function inBoth(
  before: readonly ObservedStep[],
  after: readonly ObservedStep[],
): (readonly [ObservedStep, ObservedStep])[] {
  return before.flatMap((old) => {
    const now = after.find(({ id }) => id === old.id);
    return now === undefined ? [] : [[old, now] as const];
  });
}

function versionDifference(name: string, before: string, after: string): Difference {
  return upgraded.has(name)
    ? listed('version', name, before, after, 'the upgrade changes it')
    : { kind: 'version', id: `version: ${name}`, before, after, status: 'new', severity: 'warning' };
}

function listed(
  kind: Difference['kind'],
  name: string,
  before: string,
  after: string,
  reason: string,
): Difference {
  return { kind, id: `${kind}: ${name}`, before, after, status: 'expected', reason, severity: 'info' };
}

function changed(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): [name: string, before: string, after: string][] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return names
    .map((name): [string, string, string] => [name, before[name] ?? none, after[name] ?? none])
    .filter(([, old, now]) => old !== now);
}
