import { describe, expect, it } from 'vitest';
import { soundTrip } from '../../tests/samples/trip.ts';
import { closingLines } from './closing.ts';
import type { Results } from '../results/results.ts';
import { failedResult, stepResult } from '../../tests/samples/results.ts';
import { stabilityOf } from './tally.ts';

const results = (changes: Partial<Results>): Results => ({
  schemaVersion: 1,
  runId: 'run-1',
  scope: 'whole',
  verdict: 'conformant',
  exitCode: 0,
  reason: '',
  startedAt: '',
  endedAt: '',
  durationMs: 42_500,
  configuration: {},
  versions: {},
  images: [],
  host: { os: '', architecture: '', cpus: 2, memoryBytes: 0, engine: '', node: '' },
  phases: [],
  steps: [],
  ...changes,
});
const skipped = stepResult({ id: 'MESH-3', status: 'skipped' });

describe('the last lines of a run', () => {
  it('are the verdict alone after a single pass, whose failures were told', () => {
    const steps = [stepResult(), failedResult('PASSTHROUGH'), skipped, skipped];
    const run = results({ steps, verdict: 'not conformant', reason: 'MESH-2: PASSTHROUGH' });
    expect(closingLines(run, 32)).toEqual([
      '',
      'Verdict: not conformant (1 passed, 1 failed, 2 skipped, 42.5s)',
    ]);
  });

  it('have the reason where no step has told it', () => {
    const run = results({ verdict: 'environment', reason: 'No engine\nStart one' });
    expect(closingLines(run, 32)).toEqual([
      '',
      'No engine\nStart one',
      'Verdict: environment (0 passed, 0 failed, 0 skipped, 42.5s)',
    ]);
  });

  it('have the figures of several passes, what differed, and why that is unstable', () => {
    const steps = [
      stepResult({ id: 'MESH-1', durationMs: 10 }),
      stepResult({ durationMs: 20, trips: [soundTrip()] }),
      stepResult({ id: 'MESH-1', pass: 2, durationMs: 30 }),
      failedResult('LISTENER_MISSING', { pass: 2 }),
    ];
    const run = results({
      scope: 'partial',
      steps,
      stability: stabilityOf(steps),
      verdict: 'unstable',
      reason: 'MESH-2: passed in 1 of 2',
    });
    expect(closingLines(run, 32).join('\n')).toMatchInlineSnapshot(`
      "
        step    passed  rate   min   median  max
        MESH-1  2 of 2  100 %  10ms  20ms    30ms
        MESH-2  1 of 2  50 %   20ms  20ms    20ms

      MESH-2 in pass 2, failed:
        no request was made; seen: this
      MESH-2 in pass 1, passed:
        trip trip-1: https://en.wikipedia.org/wiki/Main_Page via 10.42.0.5:3128
                  client                   sidecar                  proxy                    origin
        who       default/sleep-7656cf879  outbound|3128||my-compa  HIER_DIRECT/10.42.0.4    en.wikipedia.org
                  4-xk4zq                  ny-proxy.com
        from      10.42.0.7:43630          10.42.0.7:43630          10.42.0.7                10.42.0.5:50322
        to        10.42.0.5:3128           10.42.0.5:3128           en.wikipedia.org:443     en.wikipedia.org
        bytes     212                      2085                     2085                     212
        time      15:47:25.584 +100 ms     15:47:25.644 +8 ms       15:47:25.645 +7 ms       15:47:25.650
        verdict   exit 0, HTTP 200,        TCP, 0 -                 TCP_TUNNEL/200           HTTP 200
                  CONNECT 200

      MESH-2: passed in 1 of 2
      Verdict: unstable (3 passed, 1 failed, 0 skipped, 2 of 32 steps, 2 passes, 42.5s)"
    `);
  });

  it('have no empty table when several passes were meant and none began', () => {
    const run = results({ stability: [], verdict: 'environment', reason: 'No engine' });
    expect(closingLines(run, 32)).toEqual([
      '',
      'No engine',
      'Verdict: environment (0 passed, 0 failed, 0 skipped, 0 passes, 42.5s)',
    ]);
  });
});
