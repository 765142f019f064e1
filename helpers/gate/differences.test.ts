import { describe, expect, it } from 'vitest';
import { compare } from './differences.ts';
import { judge } from '../results/verdict.ts';
import { difference, type Difference, type ObservedLimit, type ObservedStep } from '../results/gate.ts';
import type { ExpectedChange } from './expected-changes.ts';
import { format, observed, step, type SampleChanges } from '../../tests/samples/gate.ts';

const pair = { from: '1.28.3', to: '1.29.1' };

function differences(sample: SampleChanges, expected: readonly ExpectedChange[] = []): Difference[] {
  return compare(observed(), observed({}, sample), expected, pair).differences;
}

function ofSteps(
  before: readonly Partial<ObservedStep>[],
  after: readonly Partial<ObservedStep>[],
): Difference[] {
  const phase = (steps: readonly Partial<ObservedStep>[]) => observed({ steps: steps.map(step) });
  return compare(phase(before), phase(after), [], pair).differences;
}

const added = { id: 'log: +%FILTER_CHAIN_NAME% at 25', kind: 'log', status: 'new', severity: 'warning' };
const longer = format.replace('%ROUTE_NAME%', '%ROUTE_NAME% %FILTER_CHAIN_NAME%');
const blackhole = {
  kind: 'config',
  id: 'config: outbound /filter_chains/virtualOutbound-catchall-tcp/filters/envoy.filters.network.tcp_proxy/cluster',
  before: '"PassthroughCluster"',
  after: '"BlackHoleCluster"',
  status: 'new',
  severity: 'warning',
};

describe('compare', () => {
  it('finds none between a phase and itself', () => {
    expect(compare(observed(), observed(), [], pair)).toEqual({ differences: [], unused: [] });
  });

  it.each([
    ['failed', 'regression'],
    ['skipped', 'regression'],
  ] as const)('calls a step that passed and now is %s a %s', (status, severity) => {
    expect(ofSteps([{}], [{ status, reason: 'SIDECAR_VERSION' }])).toEqual([
      {
        kind: 'step',
        id: 'step: MESH-2',
        before: 'passed',
        after: status,
        status: 'new',
        reason: 'SIDECAR_VERSION',
        severity,
      },
    ]);
  });

  it('only tells a step that passes now, and one that did not pass before either', () => {
    expect(ofSteps([{ status: 'failed' }], [{}])).toMatchObject([{ id: 'step: MESH-2', severity: 'info' }]);
    expect(ofSteps([{ status: 'failed' }], [{ status: 'skipped' }])).toMatchObject([{ severity: 'info' }]);
    expect(ofSteps([{ status: 'failed' }], [{ status: 'failed' }])).toEqual([]);
  });

  it('compares the steps of both phases, and says when there are none', () => {
    expect(ofSteps([{ id: 'BEFORE-1' }, {}], [{}, { id: 'CLEAN-1' }])).toEqual([]);
    expect(ofSteps([{ id: 'BEFORE-1' }], [{}])).toMatchObject([
      { id: 'step: steps', severity: 'regression' },
    ]);
  });

  it('tells durations, of steps that passed twice', () => {
    expect(ofSteps([{ durationMs: 10 }], [{ durationMs: 900 }])).toMatchObject([
      { kind: 'duration', id: 'duration: MESH-2', before: '10 ms', after: '900 ms', severity: 'info' },
    ]);
    const failed = { durationMs: 900, status: 'failed' } as const;
    expect(ofSteps([failed], [{ ...failed, durationMs: 10 }])).toEqual([]);
  });

  describe('of limits', () => {
    const timeout = (seconds: number) => ({
      ...{ what: 'idle timeout', told: `closes after ${seconds} s`, limit: seconds * 1000 },
    });
    const found = (
      before: readonly ObservedLimit[],
      after: readonly ObservedLimit[],
      expected: readonly ExpectedChange[] = [],
    ): Difference[] =>
      compare(observed({ limits: before }), observed({ limits: after }), expected, pair).differences;

    it.each([
      [[], [timeout(30)], 'none'],
      [[timeout(60)], [timeout(30)], 'closes after 60 s'],
    ])('calls one that came or got tighter a regression', (before, after, was) => {
      expect(found(before, after)).toEqual([
        {
          ...{ kind: 'limit', id: 'limit: idle timeout', before: was, after: 'closes after 30 s' },
          ...{ status: 'new', severity: 'regression' },
        },
      ]);
    });

    it.each([
      [[timeout(30)], [timeout(30)]],
      [[timeout(30)], [timeout(60)]],
      [[timeout(30)], []],
    ])('says nothing of one that stayed, got wider or went', (before, after) => {
      expect(found(before, after)).toEqual([]);
    });

    it('takes one without a number by its words', () => {
      const filter = (name: string) => ({ what: 'filter', told: `${name} comes first` });
      expect(found([filter('a')], [filter('a')])).toEqual([]);
      expect(found([filter('a')], [filter('b')])).toMatchObject([{ id: 'limit: filter' }]);
    });

    it('expects one that was reviewed', () => {
      const entry: ExpectedChange = {
        ...{ from: '*', to: '*', kind: 'limit', id: 'limit: idle timeout' },
        ...{ reason: 'clients reopen their tunnels', source: 'change 4711', reviewed: '2026-11-28' },
      };
      expect(found([], [timeout(30)], [entry])).toMatchObject([
        { status: 'expected', severity: 'info', reason: entry.reason },
      ]);
    });
  });

  it('expects the versions and images that an upgrade changes, and no others', () => {
    const after = observed({
      versions: { istiod: '1.29.1', 'istio-proxy': '1.28.3', envoy: '1.36.4', kubernetes: 'v1.35.4' },
      images: { pilot: 'docker.io/istio/pilot:1.29.1', proxyv2: 'docker.io/istio/proxyv2:1.28.3' },
    });
    expect(compare(observed(), after, [], pair).differences).toMatchObject([
      { id: 'version: istiod', before: '1.28.3', after: '1.29.1', status: 'expected', severity: 'info' },
      { id: 'version: kubernetes', before: 'none', status: 'new', severity: 'warning' },
      { id: 'image: pilot', status: 'expected', severity: 'info' },
    ]);
  });

  it('calls a new field of the log new, and those that only count otherwise expected', () => {
    const moved = differences({ format: longer }).filter(({ id }) => id.includes('moved'));
    expect(moved).toHaveLength(24);
    expect(moved.every(({ status, severity }) => status === 'expected' && severity === 'info')).toBe(true);
    expect(differences({ format: longer })).toContainEqual(expect.objectContaining(added));
  });

  it('calls a change of the configuration new, until the list has it', () => {
    const sample = { unknownTraffic: 'BlackHoleCluster' };
    expect(differences(sample)).toEqual([blackhole]);
    const entry: ExpectedChange = {
      from: '1.28',
      to: '1.29',
      kind: 'config',
      id: 'config: outbound /filter_chains/*/cluster',
      reason: 'our choice',
      source: 'review',
      reviewed: '2026-11-24',
    };
    expect(differences(sample, [entry])).toEqual([
      { ...blackhole, status: 'expected', reason: 'our choice', severity: 'info' },
    ]);
    expect(compare(observed(), observed(), [entry], pair).unused).toEqual([entry.id]);
    expect(compare(observed(), observed({}, sample), [entry], pair).unused).toEqual([]);
  });

  it('gives what the schema of results.json takes', () => {
    for (const one of differences({ format: longer, unknownTraffic: 'BlackHoleCluster' })) {
      expect(difference.parse(JSON.parse(JSON.stringify(one)))).toEqual(one);
    }
  });
});

describe('judge', () => {
  const all = [
    ...ofSteps([{}], [{ status: 'failed' }]),
    ...differences({ format: longer, unknownTraffic: 'BlackHoleCluster' }),
    ...compare(observed(), observed({ versions: { kubernetes: 'v1.35.4' } }), [], pair).differences,
  ];
  const judged = (strict: boolean): string[][] => {
    const { regressions, warnings } = judge(all, { strict });
    return [regressions, warnings].map((list) => list.map(({ id }) => id));
  };

  it('is red for steps, and warns of what is new', () => {
    expect(judged(false)).toEqual([['step: MESH-2'], [added.id, blackhole.id, 'version: kubernetes']]);
  });

  it('is red for new log and configuration with --strict', () => {
    expect(judged(true)).toEqual([['step: MESH-2', added.id, blackhole.id], ['version: kubernetes']]);
  });
});
