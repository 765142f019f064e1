import { describe, expect, it } from 'vitest';
import type { StepResult } from './step.ts';
import { gateOutcome, type GateFacts } from './verdict.ts';
import type { GatePhase } from './gate.ts';

function phase(id: string, counts: Partial<GatePhase> = {}): GatePhase {
  return {
    id,
    title: `Phase ${id}`,
    startedAt: '2026-11-24T00:00:00.000Z',
    durationMs: 1,
    passed: 1,
    failed: 0,
    skipped: 0,
    ...counts,
  };
}

function failed(id: string, cause: StepResult['findings'][number]['cause']): StepResult {
  return {
    id,
    pass: 1,
    phase: 'upgrade',
    title: '',
    section: 'upgrade',
    command: '',
    status: 'failed',
    reason: '',
    durationMs: 1,
    findings: [{ cause, seen: '', expected: '' }],
    facts: {},
    trips: [],
    evidence: '',
  };
}

const sound: GateFacts = {
  steps: [],
  phases: [phase('upgrade'), phase('clean-up')],
  problems: [],
  clusterServes: true,
  target: 'hermetic',
};

describe('gateOutcome', () => {
  it('says yes only when every phase passed, to the last', () => {
    expect(gateOutcome(sound)).toEqual({ verdict: 'conformant', reason: '' });
    expect(gateOutcome({ ...sound, phases: [phase('upgrade')] })).toMatchObject({ verdict: 'environment' });
    expect(gateOutcome({ ...sound, phases: [] })).toMatchObject({ verdict: 'environment' });
    for (const counts of [{ passed: 0 }, { skipped: 1 }]) {
      const phases = [phase('upgrade', counts), phase('clean-up')];
      expect(gateOutcome({ ...sound, phases }).reason).toBe('Phases without a result: Phase upgrade');
    }
  });

  it('names the phase, the step and the cause of what failed first', () => {
    const outcome = gateOutcome({ ...sound, steps: [failed('UPGRADE-3', 'NOT_TAKEN_OVER')] });
    expect(outcome).toEqual({
      verdict: 'not conformant',
      cause: 'NOT_TAKEN_OVER',
      reason: 'Phase upgrade: UPGRADE-3: NOT_TAKEN_OVER: The new control plane has not taken over',
    });
  });

  it('does not blame the upgrade for the surroundings', () => {
    const steps = [failed('MESH-2', 'ENVIRONMENT')];
    expect(gateOutcome({ ...sound, steps })).toMatchObject({ verdict: 'environment', cause: 'ENVIRONMENT' });
    expect(gateOutcome({ ...sound, steps, clusterServes: false })).toMatchObject({ cause: 'CLUSTER_LOST' });
    expect(gateOutcome({ ...sound, problems: ['a hook broke'] })).toMatchObject({
      verdict: 'environment',
      reason: 'Outside the steps: a hook broke',
    });
  });
});
