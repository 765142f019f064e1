import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import semver from 'semver';
import { describe, expect, it } from 'vitest';
import { versionsFile } from '../images/versions.ts';
import {
  expectedBy,
  expectedChanges,
  parseExpectedChanges,
  unusedChanges,
  type ExpectedChange,
} from './expected-changes.ts';
import type { Difference } from '../results/gate.ts';

const pair = { from: '1.28.3', to: '1.29.1' };
const found: Difference = {
  kind: 'log',
  id: 'log: +%REQ(X?:PATH)% at 20',
  before: 'absent',
  after: 'field 20 (5 from the end)',
  status: 'new',
  severity: 'warning',
};

function change(changes: Partial<ExpectedChange> = {}): ExpectedChange {
  return {
    from: '<1.29.0-0',
    to: '>=1.29.0-0',
    kind: 'log',
    id: found.id,
    reason: 'a new field',
    source: 'release notes of 1.29',
    reviewed: '2026-11-24',
    ...changes,
  };
}

describe('fixtures/expected-changes.yaml', () => {
  it('is sound, and each entry concerns an upgrade that the suite can do', () => {
    const versions = Object.keys(versionsFile().istio);
    const options = { includePrerelease: true };
    for (const { from, to, id } of expectedChanges()) {
      const listed = versions.some((version) => semver.satisfies(version, from, options));
      expect(listed && versions.some((version) => semver.satisfies(version, to, options)), id).toBe(true);
      expect(semver.intersects(from, to, options), `${id}: from and to overlap`).toBe(false);
    }
  });
});

describe('parseExpectedChanges', () => {
  const text = (changes: string): string =>
    `- { from: '1.28', to: '1.29', kind: log, id: 'log: x', reason: r, source: s, reviewed: 2026-11-24 }\n- ${changes}`;
  const entry =
    "from: '1.28', to: '1.29', kind: log, id: 'log: x', reason: r, source: s, reviewed: 2026-11-24";

  it('reads entries, and a list without any', () => {
    expect(parseExpectedChanges(text(`{ ${entry}, before: 'true' }`))[1]).toMatchObject({ before: 'true' });
    expect(parseExpectedChanges('# nothing yet\n')).toEqual([]);
  });

  it.each([
    ['a range that is none', `{ ${entry.replace("'1.28'", 'newest')} }`, /\[1\]\.from/],
    ['a kind that is not to be listed', `{ ${entry.replace('kind: log', 'kind: step')} }`, /\[1\]\.kind/],
    [
      'an id of another kind',
      `{ ${entry.replace('log: x', 'config: x')} }`,
      /begins with its kind[^]*\[1\]\.id/,
    ],
    ['no reason', `{ ${entry.replace('reason: r', "reason: ''")} }`, /\[1\]\.reason/],
    ['no date', `{ ${entry.replace('2026-11-24', 'today')} }`, /\[1\]\.reviewed/],
    ['a key it does not know', `{ ${entry}, until: 1 }`, /"until"[^]*\[1\]/],
  ])('refuses %s, and says which entry', (_what, second, said) => {
    expect(() => parseExpectedChanges(text(second))).toThrow(said);
    expect(() => parseExpectedChanges(text(second))).toThrow(/^fixtures\/expected-changes\.yaml/);
  });

  it('refuses what is no YAML', () => {
    expect(() => parseExpectedChanges('- {')).toThrow(/expected-changes\.yaml is not valid YAML/);
  });
});

describe('expectedBy', () => {
  it('knows the id as a whole, with its special characters', () => {
    expect(expectedBy(found, [change()], pair)).toEqual(change());
    expect(expectedBy({ ...found, id: `${found.id}1` }, [change()], pair)).toBeUndefined();
    expect(expectedBy({ ...found, id: 'log: +%REQ(:PATH)% at 20' }, [change()], pair)).toBeUndefined();
  });

  it('takes * for anything', () => {
    expect(expectedBy(found, [change({ id: 'log: +%REQ(*)% at *' })], pair)).toBeDefined();
    expect(expectedBy(found, [change({ id: 'log: +%RESP(*)% at *' })], pair)).toBeUndefined();
  });

  it('does not expect another kind, another value, or other versions', () => {
    expect(expectedBy({ ...found, kind: 'config' }, [change()], pair)).toBeUndefined();
    expect(expectedBy(found, [change({ after: found.after })], pair)).toBeDefined();
    expect(expectedBy(found, [change({ after: 'field 21' })], pair)).toBeUndefined();
    expect(expectedBy(found, [change({ before: 'field 21' })], pair)).toBeUndefined();
    expect(expectedBy(found, [change()], { from: '1.29.1', to: '1.28.3' })).toBeUndefined();
    expect(expectedBy(found, [change()], { from: '1.29.1', to: '1.29.1' })).toBeUndefined();
  });

  it('counts a development version to its release', () => {
    const dev = { from: '1.28.3', to: '1.31.0-dev.20260827' };
    expect(expectedBy(found, [change({ to: '>=1.31.0-0' })], dev)).toBeDefined();
    expect(expectedBy(found, [change({ to: '>=1.29.0' })], dev)).toBeDefined();
    expect(expectedBy(found, [change({ to: '>=1.31.0' })], dev)).toBeUndefined();
  });
});

describe('unusedChanges', () => {
  it('names entries for the pair that nothing matched', () => {
    const other = change({ id: 'log: ending' });
    const elsewhere = change({ id: 'log: ending', from: '1.30' });
    expect(unusedChanges([found], [change(), other, elsewhere], pair)).toEqual([other]);
  });

  it('come from a file of the user as well, which an error names', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'conformance-expected-changes-'));
    const file = join(folder, 'reviewed.yaml');
    const own = change({ kind: 'drain', id: 'drain: listener /per_connection_buffer_limit_bytes' });
    try {
      expect(() => expectedChanges(file)).toThrow(`${file} cannot be read`);
      await writeFile(file, JSON.stringify([own]));
      expect(expectedChanges(file)).toEqual([...expectedChanges(), own]);
      await writeFile(file, JSON.stringify([{ ...own, kind: 'log' }]));
      expect(() => expectedChanges(file)).toThrow(/reviewed\.yaml: [^]*the id begins with its kind/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
