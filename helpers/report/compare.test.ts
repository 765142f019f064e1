import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { compareLines, compareRuns } from './compare.ts';
import type { Results } from '../results/results.ts';
import type { StepResult } from '../results/step.ts';
import { failedResult, runResults, stepResult } from '../../tests/samples/results.ts';

function run(steps: readonly StepResult[], changes: Partial<Results> = {}): Results {
  return runResults({ steps, ...changes });
}

function linesOf(before: Results, after: Results): string[] {
  return compareLines(compareRuns(before, after)).map(stripVTControlCharacters);
}

describe('two runs', () => {
  it('that are alike have no differences', () => {
    const comparison = compareRuns(runResults(), runResults({ runId: 'later' }));
    expect(comparison).toMatchObject({ steps: [], same: 1, versions: [], images: [], configuration: [] });
    expect(linesOf(runResults(), runResults()).at(-1)).toBe('Nothing differs (1 steps)');
  });

  it('differ in a step’s verdict and cause; what got worse comes first', () => {
    const before = run([
      failedResult('LEFT_BEHIND', { id: 'A' }),
      stepResult({ id: 'B' }),
      failedResult('LEFT_BEHIND', { id: 'C' }),
    ]);
    const after = run([
      stepResult({ id: 'A' }),
      failedResult('NOT_CAPTURED', { id: 'B' }),
      failedResult('NOT_CAPTURED', { id: 'C' }),
    ]);
    const { steps } = compareRuns(before, after);
    expect(steps.map(({ id, aspects }) => [id, ...aspects])).toEqual([
      ['B', 'verdict', 'cause'],
      ['A', 'verdict', 'cause'],
      ['C', 'cause'],
    ]);
    const lines = linesOf(before, after);
    expect(lines).toContain('  ✗ B         the page arrives: passed → failed: NOT_CAPTURED');
    expect(lines).toContain('  ✓ A         the page arrives: failed: LEFT_BEHIND → passed');
    expect(lines.at(-1)).toBe('3 steps differ, 0 do not');
  });

  it('may have steps that the other has not', () => {
    const { steps } = compareRuns(run([stepResult({ id: 'A' })]), run([stepResult({ id: 'B' })]));
    expect(steps.map(({ id, aspects }) => [id, ...aspects])).toEqual([
      ['A', 'only before'],
      ['B', 'only after'],
    ]);
  });

  it.each([
    [1000, 1600, true],
    [1600, 1000, true],
    [100, 500, false],
    [10_000, 12_000, false],
  ])('take another time for %i and %i ms: %s', (before, after, noticed) => {
    const { steps } = compareRuns(
      run([stepResult({ durationMs: before })]),
      run([stepResult({ durationMs: after })]),
    );
    expect(steps.map(({ aspects }) => aspects)).toEqual(noticed ? [['duration']] : []);
  });

  it('differ in facts, but not in addresses and names that each run has anew', () => {
    const facts = (listener: string, title: string): StepResult[] => [
      stepResult({
        facts: { listener, title, SOURCE_POD: `sleep-55bd6f84c6-${title === 'a' ? 'wl2gq' : 'abcde'}` },
      }),
    ];
    expect(compareRuns(run(facts('10.42.0.6_3128', 'a')), run(facts('10.42.0.9_3128', 'a'))).steps).toEqual(
      [],
    );
    const { steps } = compareRuns(run(facts('10.42.0.6_3128', 'a')), run(facts('10.42.0.9_3129', 'b')));
    expect(steps[0]?.facts.map(({ name }) => name)).toEqual(['listener', 'title']);
    expect(linesOf(run(facts('x', 'a')), run(facts('x', 'b')))).toContain('      title: a → b');
  });

  it('differ in versions, images and configuration', () => {
    const [image] = runResults().images;
    const before = runResults();
    const after = runResults({
      versions: { ...before.versions, istiod: '1.30.4' },
      images: image === undefined ? [] : [{ ...image, digest: `sha256:${'6b'.repeat(32)}` }],
      configuration: { ...before.configuration, keep: true },
    });
    expect(compareRuns(before, after)).toMatchObject({
      versions: [{ name: 'istiod', before: '1.29.1', after: '1.30.4' }],
      images: [{ name: 'squid', after: expect.stringContaining('sha256:6b6b6b6b6b6b') as string }],
      configuration: [{ name: 'keep', before: 'false', after: 'true' }],
    });
    expect(linesOf(before, after).join('\n')).toMatch(
      /Versions\n +before +after\n +istiod +1\.29\.1 +1\.30\.4/,
    );
  });

  it('of many passes are compared by how often a step passed', () => {
    const passes = (...failures: readonly number[]): Results =>
      run(
        [1, 2, 3].map((pass) =>
          failures.includes(pass) ? failedResult('NOT_CAPTURED', { pass }) : stepResult({ pass }),
        ),
      );
    const lines = linesOf(passes(2), passes(2, 3));
    expect(lines).toContain(
      '  ✗ MESH-2    the page arrives: passed in 2 of 3: NOT_CAPTURED → passed in 1 of 3: NOT_CAPTURED',
    );
    expect(compareRuns(passes(2), passes(3)).steps).toEqual([]);
  });

  it('of a gate are compared phase by phase', () => {
    const phases = (status: StepResult['status']): Results =>
      run([stepResult({ phase: 'before' }), stepResult({ phase: 'after', status })]);
    const { steps, same } = compareRuns(phases('passed'), phases('skipped'));
    expect(same).toBe(1);
    expect(steps).toMatchObject([{ id: 'MESH-2', phase: 'after', aspects: ['verdict'] }]);
  });
});
