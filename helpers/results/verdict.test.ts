import { describe, expect, it } from 'vitest';
import { causes, type CauseCode } from '../causes/causes.ts';
import type { StepResult } from './step.ts';
import { verdictOf, type RunFacts } from './verdict.ts';

const step = (status: StepResult['status'], cause?: CauseCode): StepResult => ({
  id: 'MESH-2',
  pass: 1,
  title: '',
  section: '',
  command: '',
  status,
  reason: status === 'passed' ? '' : 'why\nmore',
  durationMs: 0,
  findings: cause === undefined ? [] : [{ cause, seen: '', expected: '' }],
  facts: {},
  trips: [],
  evidence: '',
});
const facts = (overrides: Partial<RunFacts>): RunFacts => ({
  expected: ['MESH-2'],
  repeat: 1,
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
    expect(outcome).toMatchObject({ verdict: 'not conformant', cause: 'PASSTHROUGH' });
    expect(outcome.reason).toMatch(/^MESH-2: PASSTHROUGH: /);
  });

  it.each([
    ['no step ran', 'ENVIRONMENT', { steps: [] }],
    ['nothing was to run', 'ENVIRONMENT', { steps: [], expected: [] }],
    ['a step left no result', 'ENVIRONMENT', { expected: ['MESH-2', 'MESH-3'] }],
    ['a step was skipped', 'ENVIRONMENT', { steps: [step('skipped')] }],
    ['something broke outside the steps', 'ENVIRONMENT', { problems: ['a hook'] }],
    ['the cluster died', 'CLUSTER_LOST', { steps: [step('failed', 'UNEXPLAINED')], clusterServes: false }],
    [
      'the real destination failed',
      'DESTINATION_DOWN',
      { steps: [step('failed', 'DESTINATION_DOWN')], target: 'live' as const },
    ],
    [
      'the proxy does not reach the real world',
      'PROXY_CANNOT_RESOLVE',
      { steps: [step('failed', 'PROXY_CANNOT_RESOLVE')], target: 'live' as const },
    ],
  ])('is no verdict on the mesh when %s: %s', (_what, cause, overrides) => {
    expect(verdictOf(facts(overrides))).toMatchObject({ verdict: 'environment', cause });
  });

  it('begins with what decided it when the cluster died', () => {
    expect(verdictOf(facts({ clusterServes: false })).reason).toBe(
      'CLUSTER_LOST: The cluster stopped answering',
    );
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
    expect(verdictOf(facts({ steps }))).toMatchObject({ verdict: 'not conformant', cause: 'PASSTHROUGH' });
  });
});

describe('verdictOf several passes', () => {
  const passed = (id: string, pass: number): StepResult => ({ ...step('passed'), id, pass });
  const failed = (id: string, pass: number, cause: CauseCode): StepResult => ({
    ...step('failed', cause),
    id,
    pass,
  });
  const skipped = (id: string, pass: number): StepResult => ({
    ...step('skipped'),
    id,
    pass,
    reason: 'because step MESH-2 failed',
  });
  const three = (overrides: Partial<RunFacts>): RunFacts =>
    facts({ expected: ['MESH-2', 'MESH-3'], repeat: 3, ...overrides });
  const sound = [1, 2, 3].flatMap((pass) => [passed('MESH-2', pass), passed('MESH-3', pass)]);

  it('is conformant when every step passed in every pass', () => {
    expect(verdictOf(three({ steps: sound }))).toEqual({ verdict: 'conformant', reason: '' });
  });

  it('is unstable when a step failed in one, and tells where first and why', () => {
    const steps = [
      ...sound.slice(0, 2),
      failed('MESH-2', 2, 'PASSTHROUGH'),
      skipped('MESH-3', 2),
      failed('MESH-2', 3, 'BLACKHOLE'),
      passed('MESH-3', 3),
    ];
    const { verdict, reason } = verdictOf(three({ steps }));
    expect(verdict).toBe('unstable');
    expect(reason.split('\n')).toEqual([
      `MESH-2: passed in 1 of 3; first failure in pass 2: PASSTHROUGH: ${causes.PASSTHROUGH.title}`,
      'MESH-3: passed in 2 of 3; first skipped in pass 2 because step MESH-2 failed',
    ]);
  });

  it('calls what failed in every pass no flake', () => {
    const steps = [1, 2, 3].flatMap((pass) => [
      failed('MESH-2', pass, 'PASSTHROUGH'),
      skipped('MESH-3', pass),
    ]);
    const { verdict, reason } = verdictOf(three({ steps }));
    expect(verdict).toBe('unstable');
    expect(reason.split('\n')).toEqual([
      `MESH-2: failed in every pass, so this is no flake: PASSTHROUGH: ${causes.PASSTHROUGH.title}`,
      'MESH-3: passed in 0 of 3; first skipped in pass 1 because step MESH-2 failed',
    ]);
  });

  it('does not call a step that failed in all the passes it came to, but not in all, no flake', () => {
    const steps = [failed('MESH-2', 1, 'PASSTHROUGH'), failed('MESH-2', 2, 'PASSTHROUGH')];
    expect(verdictOf(three({ expected: ['MESH-2'], steps })).reason).toMatch(
      /^MESH-2: passed in 0 of 3; first failure in pass 1: /,
    );
  });

  it('tells what left no result beside what failed', () => {
    const steps = [...sound.slice(0, 4), failed('MESH-2', 3, 'PASSTHROUGH')];
    const { verdict, reason } = verdictOf(three({ steps }));
    expect(verdict).toBe('unstable');
    expect(reason).toContain('MESH-3: passed in 2 of 3, without a result in the others');
    expect(verdictOf(three({ steps, expected: ['MESH-2', 'MESH-9'] })).reason).toContain(
      'MESH-9: passed in 0 of 3, without a result in the others',
    );
  });

  it.each([
    ['a whole pass', sound.slice(0, 4), 'all of pass 3'],
    ['the first pass', sound.slice(2), 'all of pass 1'],
    ['a step of a pass', [...sound.slice(0, 3), ...sound.slice(4)], 'MESH-3 (pass 2)'],
    ['a step that was skipped', [...sound.slice(0, 5), skipped('MESH-3', 3)], 'MESH-3 (pass 3)'],
    ['all of them', [], 'all of pass 1, all of pass 2, all of pass 3'],
    [
      'a pass whose results came twice instead',
      [...sound.slice(0, 4), ...sound.slice(0, 2)],
      'all of pass 3',
    ],
  ])('is no verdict on the mesh without a result of %s', (_what, steps, missing) => {
    expect(verdictOf(three({ steps }))).toEqual({
      verdict: 'environment',
      cause: 'ENVIRONMENT',
      reason: `Steps without a result: ${missing}`,
    });
  });

  it.each([
    ['the first failure is of the surroundings', { steps: [failed('MESH-2', 1, 'CLUSTER_LOST'), ...sound] }],
    [
      'the real destination failed first',
      { steps: [failed('MESH-2', 1, 'DESTINATION_DOWN')], target: 'live' as const },
    ],
    ['the cluster died', { steps: [failed('MESH-2', 1, 'PASSTHROUGH')], clusterServes: false }],
    ['something broke outside the steps', { steps: sound, problems: ['pass 2 of 3: a hook'] }],
  ])('leaves it to the environment when %s', (_what, overrides) => {
    expect(verdictOf(three(overrides)).verdict).toBe('environment');
  });

  it('does not let a later failure of the surroundings hide an earlier one of the mesh', () => {
    const steps = [
      ...sound.slice(0, 2),
      failed('MESH-2', 2, 'PASSTHROUGH'),
      failed('MESH-2', 3, 'CLUSTER_LOST'),
    ];
    expect(verdictOf(three({ steps })).verdict).toBe('unstable');
  });
});
