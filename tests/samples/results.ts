import type { CauseCode } from '../../helpers/causes/causes.ts';
import { correlate } from '../../helpers/trip/correlate.ts';
import { observation } from './trip.ts';
import type { Results } from '../../helpers/results/results.ts';
import type { StepResult } from '../../helpers/results/step.ts';

/** A step's result, for tests: it passed in the first pass; `changes` replace fields. */
export function stepResult(changes: Partial<StepResult> = {}): StepResult {
  return {
    id: 'MESH-2',
    pass: 1,
    title: 'the page arrives',
    section: 'configure-traffic-to-external-https-proxy',
    command: '',
    status: 'passed',
    reason: '',
    durationMs: 0,
    findings: [],
    facts: {},
    trips: [],
    evidence: '',
    ...changes,
  };
}

/** One that failed of a named cause. */
export function failedResult(cause: CauseCode, changes: Partial<StepResult> = {}): StepResult {
  return stepResult({
    status: 'failed',
    reason: `${cause}: title\nmore`,
    findings: [{ cause, seen: 'this', expected: 'that' }],
    ...changes,
  });
}

/** A run that passed, of one step with the document's request; `changes` replace fields. */
export function runResults(changes: Partial<Results> = {}): Results {
  return {
    schemaVersion: 1,
    runId: '20261122-154700-1-0000',
    scope: 'whole',
    verdict: 'conformant',
    exitCode: 0,
    reason: '',
    startedAt: '2026-11-22T15:47:00.000Z',
    endedAt: '2026-11-22T15:48:00.000Z',
    durationMs: 60_000,
    configuration: { istio: '1.29.1', k8s: '1.35.4', images: 'source', keep: false },
    target: { kind: 'hermetic', because: 'asked for', url: 'https://en.wikipedia.org/wiki/Main_Page' },
    versions: { suite: '0.1.0', istiod: '1.29.1', envoy: '1.37.0', squid: '5.7' },
    images: [
      {
        role: 'squid',
        reference: 'docker.io/sameersbn/squid:3.5.27',
        digest: `sha256:${'5a'.repeat(32)}`,
        source: 'registry',
        sizeBytes: 71_000_000,
      },
    ],
    host: {
      os: 'linux 6.1',
      architecture: 'x64',
      cpus: 2,
      memoryBytes: 8_000_000_000,
      engine: 'docker 26.1',
      node: 'v24.21.0',
    },
    phases: [{ title: 'Cluster', startedAt: '2026-11-22T15:47:01.000Z', durationMs: 12_000 }],
    steps: [
      stepResult({
        startedAt: '2026-11-22T15:47:25.500Z',
        durationMs: 600,
        facts: { title: 'Wikipedia, the free encyclopedia' },
        trips: [correlate(observation())],
      }),
    ],
    ...changes,
  };
}
