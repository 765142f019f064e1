import { readFileSync } from 'node:fs';
import semver from 'semver';
import { parse } from 'yaml';
import { z } from 'zod';
import { attempt, thrownAs, UsageError } from '../errors.ts';
import type { Difference } from '../results/gate.ts';
import { literally } from '../trip/envoy.ts';

/** Versions of Istio that a mesh is taken from and to. */
export interface UpgradePair {
  readonly from: string;
  readonly to: string;
}

const range = z
  .string()
  .refine(
    (text) => semver.validRange(text) !== null,
    'a range of versions as npm writes it, e.g. ">=1.29.0-0"',
  );

const entry = z
  .strictObject({
    from: range,
    to: range,
    kind: z.enum(['log', 'config', 'limit', 'drain']),
    id: z.string(),
    before: z.string().optional(),
    after: z.string().optional(),
    reason: z.string().min(1),
    source: z.string().min(1),
    reviewed: z.iso.date(),
  })
  .refine(({ kind, id }) => id.startsWith(`${kind}: `), {
    message:
      'the id begins with its kind, as reports print it: "log: …", "config: …", "limit: …" or "drain: …"',
    path: ['id'],
  });

/** A difference that was reviewed and found harmless, and between which versions it is that. */
export type ExpectedChange = Readonly<z.infer<typeof entry>>;

const fixture = 'fixtures/expected-changes.yaml';

/**
 * The entries of fixtures/expected-changes.yaml, and of a file of the user's.
 * @param file Path of that file
 * @throws UsageError for a file that cannot be read, naming every entry that is wrong
 */
export function expectedChanges(file?: string): readonly ExpectedChange[] {
  const own = readFileSync(new URL(`../../${fixture}`, import.meta.url), 'utf8');
  return [
    ...parseExpectedChanges(own, fixture),
    ...(file === undefined ? [] : parseExpectedChanges(textOf(file), file)),
  ];
}

function textOf(file: string): string {
  return attempt(
    () => readFileSync(file, 'utf8'),
    thrownAs(UsageError, `${file} cannot be read`, 'Name another file (--expected-changes).'),
  );
}

/**
 * @param name What the file is called in an error
 * @throws UsageError naming every entry that is wrong, counted from 0
 */
export function parseExpectedChanges(text: string, name = fixture): readonly ExpectedChange[] {
  // A file of comments alone is an empty list.
  const invalid = thrownAs(UsageError, `${name} is not valid YAML`, 'Correct the file.');
  const checked = z.array(entry).safeParse(attempt<unknown>(() => parse(text), invalid) ?? []);
  if (checked.success) return checked.data;
  throw new UsageError(`${name}: ${z.prettifyError(checked.error)}`, 'Correct the file.');
}

/** What an entry can expect: a difference of a comparison, or one of a listener that was replaced under open tunnels. */
export type Expectable = Pick<Difference, 'id' | 'before' | 'after'> & {
  readonly kind: Difference['kind'] | 'drain';
};

/** The entry that expects a difference, if one does. */
export function expectedBy(
  difference: Expectable,
  expected: readonly ExpectedChange[],
  pair: UpgradePair,
): ExpectedChange | undefined {
  return expected.find((change) => concerns(change, pair) && matches(change, difference));
}

/** Entries for this pair of versions that expected none of the differences found, in any of its comparisons. */
export function unusedChanges(
  differences: readonly Expectable[],
  expected: readonly ExpectedChange[],
  pair: UpgradePair,
): ExpectedChange[] {
  return expected.filter(
    (change) => concerns(change, pair) && !differences.some((difference) => matches(change, difference)),
  );
}

function concerns({ from, to }: ExpectedChange, pair: UpgradePair): boolean {
  // Otherwise no range but one that names a development version would hold for it.
  const options = { includePrerelease: true };
  return semver.satisfies(pair.from, from, options) && semver.satisfies(pair.to, to, options);
}

function matches(change: ExpectedChange, { kind, id, before, after }: Expectable): boolean {
  return (
    change.kind === kind &&
    like(change.id, id) &&
    (change.before === undefined || change.before === before) &&
    (change.after === undefined || change.after === after)
  );
}

/** `*` stands for anything; ids are full of what else would be special in a glob (`%REQ(X?:PATH)%`). */
function like(pattern: string, text: string): boolean {
  const parts = pattern.split('*').map(literally);
  return new RegExp(`^${parts.join('.*')}$`, 's').test(text);
}
