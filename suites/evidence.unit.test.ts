import { describe, expect, it } from 'vitest';
import type { EvidenceRequest } from '../helpers/diagnose/evidence.ts';
import type { SessionFacts } from '../helpers/session/session.ts';
import type { CauseCode } from '../helpers/causes/causes.ts';
import { StepEvidence, type Failure } from './evidence.ts';

const session = (repeat: number): SessionFacts =>
  ({ reportFolder: '/reports/run-1', configuration: { repeat } }) as unknown as SessionFacts;

function failure(id: string, cause: CauseCode, pass = 1): Failure {
  const slot = { known: () => undefined };
  return {
    step: { id },
    pass,
    outcome: {
      status: 'failed',
      record: { facts: {}, trips: [] },
      error: new Error('it failed'),
      findings: [{ cause, seen: 'this', expected: 'that' }],
    },
    world: { proxyIp: slot, proxyPort: slot } as unknown as Failure['world'],
  };
}

function collecting(
  requests: EvidenceRequest[],
  problem?: string,
): ConstructorParameters<typeof StepEvidence>[1] {
  return (request) => {
    requests.push(request);
    return Promise.resolve([
      { file: 'index.md', what: 'This index', ...(problem === undefined ? {} : { problem }) },
    ]);
  };
}

describe('the evidence of steps', () => {
  it('is in a folder named by the step, in the report', async () => {
    const requests: EvidenceRequest[] = [];
    const evidence = new StepEvidence(session(1), collecting(requests));
    expect(await evidence.of(failure('MESH-2', 'PASSTHROUGH'))).toBe('evidence/MESH-2');
    expect(requests).toMatchObject([
      {
        folder: '/reports/run-1/evidence/MESH-2',
        title: 'MESH-2 failed: PASSTHROUGH',
        message: 'it failed',
        proxy: undefined,
      },
    ]);
  });

  it('is collected once for the same failure, and three times in all; the others say why they have none', async () => {
    const requests: EvidenceRequest[] = [];
    const evidence = new StepEvidence(session(5), collecting(requests));
    const failures = [
      failure('MESH-2', 'PASSTHROUGH', 1),
      failure('MESH-2', 'PASSTHROUGH', 2),
      failure('MESH-2', 'BLACKHOLE', 3),
      failure('MESH-3', 'PASSTHROUGH', 4),
      failure('MESH-4', 'PASSTHROUGH', 5),
    ];
    const bundles = [];
    for (const one of failures) bundles.push(await evidence.of(one));
    expect(bundles).toEqual([
      'evidence/pass-1-MESH-2',
      '',
      'evidence/pass-3-MESH-2',
      'evidence/pass-4-MESH-3',
      '',
    ]);
    expect(requests).toHaveLength(3);
    expect(failures.map(({ outcome }) => outcome.record.facts)).toEqual([
      {},
      { 'no evidence': 'the same failure as that of evidence/pass-1-MESH-2' },
      {},
      {},
      { 'no evidence': 'not collected: 3 bundles a run at most' },
    ]);
  });

  it.each([
    ['is refused', collecting([], 'EACCES')],
    ['breaks', () => Promise.reject(new Error('EACCES'))],
  ])('leaves the failure as it was when its collecting %s', async (_what, collect) => {
    const failed = failure('MESH-2', 'PASSTHROUGH');
    const { findings, error } = failed.outcome;
    expect(await new StepEvidence(session(1), collect).of(failed)).toBe('');
    expect(failed.outcome).toMatchObject({ status: 'failed', findings, error });
    expect(failed.outcome.record.facts).toEqual({ 'no evidence': 'it could not be collected: EACCES' });
  });
});
