import { describe, expect, it } from 'vitest';
import { configurationSchema } from '../helpers/configuration/configuration.ts';
import { onPause, type Paused } from '../helpers/pause/pause.ts';
import type { EvidenceRequest } from '../helpers/diagnose/evidence.ts';
import { failedResult } from '../tests/samples/results.ts';
import type { StepResult } from '../helpers/results/step.ts';
import type { SessionFacts } from '../helpers/session/session.ts';
import type { CauseCode } from '../helpers/causes/causes.ts';
import type { World } from './document/world.ts';
import { pausing, StepEvidence, type Evidence } from './evidence.ts';

const session = (repeat: number): SessionFacts =>
  ({ reportFolder: '/reports/run-1', configuration: { repeat } }) as unknown as SessionFacts;

const failure = (id: string, cause: CauseCode, pass = 1): StepResult => failedResult(cause, { id, pass });

const slot = { known: () => undefined };
const world = { proxyIp: slot, proxyPort: slot } as unknown as World;

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
    const failed = failure('MESH-2', 'PASSTHROUGH');
    await evidence.of(failed, world);
    expect(failed.evidence).toBe('evidence/MESH-2');
    expect(requests).toMatchObject([
      {
        folder: '/reports/run-1/evidence/MESH-2',
        title: 'MESH-2 failed: PASSTHROUGH',
        message: failed.reason,
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
    for (const one of failures) await evidence.of(one, world);
    expect(failures.map((one) => one.evidence)).toEqual([
      'evidence/pass-1-MESH-2',
      '',
      'evidence/pass-3-MESH-2',
      'evidence/pass-4-MESH-3',
      '',
    ]);
    expect(requests).toHaveLength(3);
    expect(failures.map(({ facts }) => facts)).toEqual([
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
    const { findings, reason } = failed;
    await new StepEvidence(session(1), collect).of(failed, world);
    expect(failed).toMatchObject({ status: 'failed', findings, reason, evidence: '' });
    expect(failed.facts).toEqual({ 'no evidence': 'it could not be collected: EACCES' });
  });
});

describe('--pause-on-failure', () => {
  it('waits after the evidence was taken, and then gives it', async () => {
    const order: string[] = [];
    const seen: Paused[] = [];
    using _listening = onPause('run-p', (paused) => {
      order.push('paused');
      seen.push(paused);
      return Promise.resolve();
    });
    const evidence: Evidence = {
      of: (record) => {
        order.push('evidence');
        record.evidence = 'evidence/MESH-2';
        return Promise.resolve();
      },
    };
    const record = failedResult('BLACKHOLE', { reason: 'it failed' });
    const configuration = configurationSchema.parse({ pauseOnFailure: true });
    await pausing({ runId: 'run-p', configuration }, evidence).of(record, world);
    expect(record.evidence).toBe('evidence/MESH-2');
    expect(order).toEqual(['evidence', 'paused']);
    expect(seen).toEqual([
      { step: 'MESH-2', cause: 'BLACKHOLE', message: 'it failed', evidence: 'evidence/MESH-2' },
    ]);
  });

  it('does not wait unless it was asked to', () => {
    const evidence: Evidence = { of: () => Promise.resolve() };
    expect(pausing({ runId: 'run-p', configuration: configurationSchema.parse({}) }, evidence)).toBe(
      evidence,
    );
  });
});
