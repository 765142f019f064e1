import type { GateResults } from '../../helpers/results/gate.ts';
import type { Results } from '../../helpers/results/results.ts';
import type { StepResult } from '../../helpers/results/step.ts';
import { failedResult, runResults, stepResult } from '../samples/results.ts';
import { accountOf } from '../../helpers/traffic/account-of.ts';
import { begin, soundPods, trafficOf, requests } from '../samples/traffic.ts';
import { withProxy } from '../samples/trip.ts';

/** Runs that cannot be had at will, for the tests of their page. */

/** A run in which two witnesses contradict each other: the sidecar and Squid count other bytes. */
export function contradicted(): Results {
  const trip = withProxy({ bytes: 999 });
  return runResults({
    verdict: 'not conformant',
    exitCode: 1,
    cause: 'BYTES_DISAGREE',
    reason: 'MESH-4: BYTES_DISAGREE',
    steps: [
      stepResult({ id: 'MESH-2', trips: [trip] }),
      failedResult('BYTES_DISAGREE', { id: 'MESH-4', title: 'Squid’s line', trips: [trip] }),
    ],
  });
}

const ms = (offset: number): string => new Date(begin + offset).toISOString();

/** A gate in which the upgrade cut a tunnel and refused requests of the workload that is restarted. */
export function redGate(): Results {
  const [kept, restarted] = soundPods();
  const refused = requests(3, 30_000, 45_000).map((trip) => ({
    ...trip,
    fails: { exit: 56, connect: 503, words: 'Proxy CONNECT aborted' },
  }));
  const traffic = accountOf(trafficOf([kept, { ...restarted, trips: [...restarted.trips, ...refused] }]));
  const operations: StepResult[] = [
    stepResult({
      id: 'UPGRADE-1',
      title: 'precheck',
      section: 'upgrade',
      phase: 'upgrade',
      startedAt: ms(20_500),
      durationMs: 900,
    }),
    stepResult({
      id: 'UPGRADE-2',
      title: 'the new revision',
      section: 'upgrade',
      phase: 'upgrade',
      startedAt: ms(22_000),
      durationMs: 4000,
    }),
    failedResult('UNEXPLAINED', {
      id: 'RESTART-1',
      title: 'restart',
      section: 'upgrade',
      phase: 'upgrade',
      startedAt: ms(29_000),
      durationMs: 3000,
    }),
  ];
  const document = (phase: string, at: number, changes: Partial<StepResult> = {}): StepResult =>
    stepResult({ ...runResults().steps[0], phase, startedAt: ms(at), ...changes });
  const steps = [document('before', 2000), ...operations, document('after', 41_000, { durationMs: 900 })];
  const phases: GateResults['phases'] = ['before', 'upgrade', 'after'].map((id, index) => {
    const own = steps.filter(({ phase }) => phase === id);
    const count = (status: StepResult['status']): number =>
      own.filter((step) => step.status === status).length;
    return {
      id,
      title: ['Document on 1.28.3', 'Upgrade: 1.29.1 as a canary', 'Document on 1.29.1'][index] ?? id,
      startedAt: ms(index * 20_000),
      durationMs: 20_000,
      passed: count('passed'),
      failed: count('failed'),
      skipped: count('skipped'),
    };
  });
  return runResults({
    verdict: 'not conformant',
    exitCode: 1,
    cause: 'UNEXPLAINED',
    reason: 'RESTART-1: failed',
    startedAt: ms(0),
    endedAt: ms(60_000),
    steps,
    gate: {
      from: '1.28.3',
      to: '1.29.1',
      strategy: 'canary',
      rollback: false,
      strict: false,
      phases,
      traffic,
      comparisons: [
        {
          before: 'Document on 1.28.3',
          after: 'Document on 1.29.1',
          unused: [],
          differences: [
            {
              kind: 'step',
              id: 'step: MESH-2',
              before: 'passed',
              after: 'failed',
              status: 'new',
              severity: 'regression',
            },
            {
              kind: 'config',
              id: 'config: cluster /type',
              before: 'A',
              after: 'B',
              status: 'new',
              severity: 'warning',
            },
            {
              kind: 'version',
              id: 'version: istiod',
              before: '1.28.3',
              after: '1.29.1',
              status: 'expected',
              severity: 'info',
              reason: 'the upgrade changes it',
            },
          ],
        },
      ],
      mesh: ['istiod 1.29.1'],
    },
  });
}

/** Three passes of which the second failed. */
export function unstable(): Results {
  const pass = (number: number): StepResult =>
    number === 2
      ? failedResult('NO_SIDECAR_STATEMENT', { pass: 2 })
      : stepResult({ pass: number, durationMs: 100 * number });
  return runResults({
    verdict: 'unstable',
    exitCode: 1,
    cause: 'NO_SIDECAR_STATEMENT',
    reason: 'MESH-2: passed in 2 of 3',
    steps: [1, 2, 3].map(pass),
    stability: [{ id: 'MESH-2', runs: 3, passed: 2, passRate: 2 / 3, minMs: 100, medianMs: 200, maxMs: 300 }],
  });
}

export const hostile = {
  markup:
    '</style></title><script>window.pwned = 1</script><img src=x onerror="window.pwned = 1">"\'><b>bold</b>',
  long: 'x'.repeat(3000),
  rtl: '\u202edrowssap\u2066 \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627',
} as const;

/** A run with a text in every place that a log or a program may have written to. */
export function withText(text: string): Results {
  const run = runResults({
    versions: { suite: text, [text]: text },
    configuration: { istio: text, [text]: text },
  });
  const kept: ReadonlySet<string> = new Set([
    'witness',
    'status',
    'startedAt',
    'endedAt',
    'section',
    'role',
    'source',
  ]);
  const spread = (value: unknown): unknown => {
    if (typeof value === 'string') return text;
    if (Array.isArray(value)) return value.map(spread);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, part]) => [key, kept.has(key) ? part : spread(part)]),
    );
  };
  const steps = spread(run.steps) as StepResult[];
  const failure = {
    status: 'failed' as const,
    reason: text,
    findings: [{ cause: text, seen: text, expected: text }],
  };
  return {
    ...run,
    runId: text,
    verdict: 'not conformant',
    exitCode: 1,
    cause: text,
    reason: text,
    images: spread(run.images) as Results['images'],
    host: { ...run.host, os: text, engine: text },
    target: { kind: 'hermetic', because: text, url: text },
    phases: [{ title: text, startedAt: run.startedAt, durationMs: 1000 }],
    steps: steps.flatMap((step) => [
      { ...step, id: text, facts: { [text]: text }, evidence: text },
      { ...step, ...failure, id: `${text} 2`, evidence: text } as unknown as StepResult,
      { ...step, id: `${text} 3`, status: 'skipped' as const, reason: text, trips: [] },
    ]),
  };
}
