import { describe, expect, it } from 'vitest';
import type { StepResult } from '../results/step.ts';
import { stepResult } from '../../tests/samples/results.ts';
import { stabilityOf, stabilityTable } from './tally.ts';

const runs = (id: string, ...all: readonly [StepResult['status'], number][]): StepResult[] =>
  all.map(([status, durationMs], index) => stepResult({ id, pass: index + 1, status, durationMs }));
const passed = (...durations: readonly number[]): StepResult[] =>
  runs('MESH-2', ...durations.map((ms): [StepResult['status'], number] => ['passed', ms]));

describe('stabilityOf', () => {
  it.each([
    [[30], { minMs: 30, medianMs: 30, maxMs: 30 }],
    [[40, 10, 30], { minMs: 10, medianMs: 30, maxMs: 40 }],
    [[40, 10], { minMs: 10, medianMs: 25, maxMs: 40 }],
    [[100, 9, 20, 30], { minMs: 9, medianMs: 25, maxMs: 100 }],
    [[5, 4, 3, 2, 1], { minMs: 1, medianMs: 3, maxMs: 5 }],
  ])('sorts %j by number and takes the middle', (durations, figures) => {
    expect(stabilityOf(passed(...durations))).toEqual([
      { id: 'MESH-2', runs: durations.length, passed: durations.length, passRate: 1, ...figures },
    ]);
  });

  it('counts failed and skipped runs as not passed, and leaves their durations out', () => {
    const steps = runs('MESH-2', ['passed', 20], ['failed', 90_000], ['skipped', 0], ['passed', 10]);
    expect(stabilityOf(steps)).toEqual([
      { id: 'MESH-2', runs: 4, passed: 2, passRate: 0.5, minMs: 10, medianMs: 15, maxMs: 20 },
    ]);
  });

  it('has no durations of a step that never passed', () => {
    const steps = runs('MESH-2', ['failed', 20], ['skipped', 0]);
    expect(stabilityOf(steps)).toEqual([{ id: 'MESH-2', runs: 2, passed: 0, passRate: 0 }]);
  });

  it('keeps the order of the steps, and their results apart', () => {
    const steps = [1, 2].flatMap((pass) =>
      ['MESH-2', 'CLEAN-1'].map((id) => stepResult({ id, pass, durationMs: pass })),
    );
    expect(stabilityOf(steps).map(({ id, runs: all }) => [id, all])).toEqual([
      ['MESH-2', 2],
      ['CLEAN-1', 2],
    ]);
  });

  it('has nothing of no steps', () => {
    expect(stabilityOf([])).toEqual([]);
  });
});

describe('stabilityTable', () => {
  it('aligns its columns, and never rounds up to 100 %', () => {
    const table = stabilityTable([
      { id: 'PROXY-9', runs: 1000, passed: 1000, passRate: 1, minMs: 1, medianMs: 12, maxMs: 1500 },
      { id: 'CONTROL-1', runs: 1000, passed: 999, passRate: 0.9999, minMs: 1, medianMs: 2, maxMs: 3 },
      { id: 'MESH-2', runs: 3, passed: 0, passRate: 0 },
    ]);
    expect(table.join('\n')).toMatchInlineSnapshot(`
      "step       passed        rate    min  median  max
      PROXY-9    1000 of 1000  100 %   1ms  12ms    1.5s
      CONTROL-1  999 of 1000   99.9 %  1ms  2ms     3ms
      MESH-2     0 of 3        0 %     -    -       -"
    `);
  });
});
