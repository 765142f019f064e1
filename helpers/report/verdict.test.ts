import { describe, expect, it } from 'vitest';
import type { CauseCode } from '../trip/causes.ts';
import type { StepResult } from './results.ts';
import { verdictOf, type RunFacts } from './verdict.ts';

const step = (status: StepResult['status'], cause?: CauseCode): StepResult => ({
  id: 'MESH-2',
  title: '',
  section: '',
  command: '',
  status,
  reason: status === 'passed' ? '' : 'why\nmore',
  durationMs: 0,
  findings: cause === undefined ? [] : [{ cause, seen: '', expected: '' }],
  facts: {},
  trips: [],
});
const facts = (overrides: Partial<RunFacts>): RunFacts => ({
  expected: ['MESH-2'],
  steps: [step('passed')],
  target: 'hermetic',
  problems: [],
  clusterServes: true,
  ...overrides,
});

describe('verdictOf', () => {
  it('is conformant when every step passed', () => {
    expect(verdictOf(facts({}))).toEqual({ verdict: 'conformant', reason: '' });
  });

  it('is not conformant when a step failed for the mesh, and names the cause', () => {
    const outcome = verdictOf(facts({ steps: [step('failed', 'PASSTHROUGH'), step('skipped')] }));
    expect(outcome.verdict).toBe('not conformant');
    expect(outcome.reason).toMatch(/^MESH-2: PASSTHROUGH: /);
  });

  it.each([
    ['no step ran', { steps: [] }],
    ['nothing was to run', { steps: [], expected: [] }],
    ['a step left no result', { expected: ['MESH-2', 'MESH-3'] }],
    ['a step was skipped', { steps: [step('skipped')] }],
    ['something broke outside the steps', { problems: ['a hook'] }],
    ['the cluster died', { steps: [step('failed', 'UNEXPLAINED')], clusterServes: false }],
    ['the real destination failed', { steps: [step('failed', 'DESTINATION_DOWN')], target: 'live' as const }],
  ])('is no verdict on the mesh when %s', (_what, overrides) => {
    expect(verdictOf(facts(overrides)).verdict).toBe('environment');
  });

  it('does not let a problem outside the steps hide a red one', () => {
    const outcome = verdictOf(facts({ steps: [step('failed', 'PASSTHROUGH')], problems: ['a hook'] }));
    expect(outcome.verdict).toBe('not conformant');
    expect(outcome.reason).toContain('Outside the steps: a hook');
  });

  it('holds our own origin to account', () => {
    expect(verdictOf(facts({ steps: [step('failed', 'TITLE_DIFFERS')] })).verdict).toBe('not conformant');
  });

  it('does not let a later failure of the surroundings hide an earlier one of the mesh', () => {
    const steps = [step('failed', 'PASSTHROUGH'), step('failed', 'TIMES_DISAGREE')];
    expect(verdictOf(facts({ steps })).verdict).toBe('not conformant');
  });
});
