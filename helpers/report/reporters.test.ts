import { join } from 'node:path';
import { tmpdir } from 'node:os';
import type { TestCase, TestModule, TestSuite } from 'vitest/node';
import { beforeEach, describe, expect, it } from 'vitest';
import { configurationSchema } from '../configuration/configuration.ts';
import type { StepResult } from '../results/step.ts';
import { soundTrip } from '../../tests/samples/trip.ts';
import { Report } from './report.ts';
import { stepResult } from '../../tests/samples/results.ts';
import { StepReporter } from './reporters.ts';

let report: Report;
let shown: string[];
let reporter: StepReporter;
beforeEach(() => {
  report = new Report(join(tmpdir(), 'never-written'), 'run-1', configurationSchema.parse({}));
  shown = [];
  reporter = new StepReporter(report, {
    step: ({ id, status }) => shown.push(`${id} ${status}`),
    passEnd: (problem) => shown.push(`end ${problem ?? ''}`),
  });
});

/** When each test of the samples began. */
const startTime = Date.parse('2026-11-24T05:00:00.000Z');
const startedAt = '2026-11-24T05:00:00.000Z';

type State = 'passed' | 'failed' | 'skipped';

function ended(
  state: State,
  changes: Partial<StepResult> = {},
  { note, versions = {} }: { readonly note?: string; readonly versions?: Record<string, string> } = {},
): void {
  const meta = { step: stepResult({ durationMs: 13, ...changes }), versions };
  const errors = state === 'failed' ? [{ message: 'one' }, { message: 'two' }] : undefined;
  reporter.onTestCaseResult({
    fullName: 'MESH-2 the page arrives',
    meta: () => meta,
    result: () => ({ state, errors, note }),
    // Of the whole test, with the collecting of evidence.
    diagnostic: () => ({ startTime, duration: 60_000 }),
  } as unknown as TestCase);
}

function endedWithoutRecord(): void {
  reporter.onTestCaseResult({
    fullName: 'MESH-2 the page arrives',
    meta: () => ({}),
    result: () => ({ state: 'skipped' }),
    diagnostic: () => undefined,
  } as unknown as TestCase);
}

const withErrors = (...messages: readonly string[]): unknown => ({
  name: 'pass 2 of 3',
  errors: () => messages.map((message) => ({ message })),
});
const passEnded = (...messages: readonly string[]): void => {
  reporter.onTestSuiteResult(withErrors(...messages) as TestSuite);
};
const moduleEnded = (...messages: readonly string[]): void => {
  reporter.onTestModuleEnd(withErrors(...messages) as TestModule);
};

describe('the reporter of steps', () => {
  it('records each step with its pass, its state, why, when it began, and how long it took by itself', () => {
    ended('passed', {}, { versions: { envoy: '1.37.0' } });
    ended('failed', { pass: 2 });
    ended('skipped', { pass: 3 }, { note: 'because step MESH-1 failed' });
    expect(report.steps).toEqual([
      stepResult({ startedAt, durationMs: 13 }),
      stepResult({ pass: 2, status: 'failed', reason: 'one\ntwo', startedAt, durationMs: 13 }),
      stepResult({
        ...{ pass: 3, status: 'skipped', reason: 'because step MESH-1 failed', startedAt, durationMs: 13 },
      }),
    ]);
    expect(report.versions).toEqual({ envoy: '1.37.0' });
    expect(shown).toEqual(['MESH-2 passed', 'MESH-2 failed', 'MESH-2 skipped']);
    expect(reporter.problems).toEqual([]);
  });

  it("keeps a step's trips of the first pass it passed in, and of every failure", () => {
    const trips = [soundTrip()];
    for (const [index, state] of (['failed', 'passed', 'passed', 'failed', 'passed'] as const).entries()) {
      ended(state, { pass: index + 1, trips });
    }
    ended('passed', { id: 'MESH-3', pass: 5, trips });
    expect(report.steps.map(({ trips: kept }) => kept.length)).toEqual([1, 1, 0, 1, 0, 1]);
  });

  it('tells the error of a pass that could not begin, and not each test that therefore has no record', () => {
    endedWithoutRecord();
    endedWithoutRecord();
    passEnded('Deleting was refused', 'and more');
    expect(reporter.problems).toEqual(['pass 2 of 3: Deleting was refused', 'pass 2 of 3: and more']);
    expect(shown).toEqual(['end Deleting was refused\nand more']);
  });

  it('tells a test without a record where nothing explains it, once', () => {
    endedWithoutRecord();
    passEnded();
    moduleEnded();
    expect(reporter.problems).toEqual(['MESH-2 the page arrives: ended without a record']);
    expect(shown).toEqual(['end ']);
  });

  it('does the same for a run of a single pass', () => {
    endedWithoutRecord();
    moduleEnded('the snapshot cannot be taken');
    expect(reporter.problems).toEqual(['the snapshot cannot be taken']);
    endedWithoutRecord();
    moduleEnded();
    expect(reporter.problems.at(-1)).toBe('MESH-2 the page arrives: ended without a record');
  });

  it('reports errors outside every test', () => {
    reporter.onTestRunEnd([], [{ message: 'unhandled' }]);
    expect(reporter.problems).toEqual(['unhandled']);
  });
});
