import { describe, expect, it } from 'vitest';
import { versionsFile, type VersionsFile } from '../images/versions.ts';
import { matrixJson, matrixOf, matrixPage, within } from './matrix.ts';
import { resolvePair } from './rules.ts';

const support = 'https://istio.io/latest/docs/releases/supported-releases/';
const known: VersionsFile = {
  ...versionsFile(),
  default: { istio: '1.29.1', kubernetes: '1.35.4' },
  istio: {
    '1.28.3': { kubernetes: ['1.34'], support, envoy: '1.36', registry: 'docker.io/istio' },
    '1.29.1': { kubernetes: ['1.34', '1.35'], support, envoy: '1.37', registry: 'docker.io/istio' },
    '1.30.4': {
      kubernetes: ['1.34', '1.35'],
      support,
      envoy: '1.38',
      registry: 'registry.istio.io/release',
      source: { lock: 'k8s-1.35', module: 'v0.0.0-1', envoyServer: '1.38.3' },
    },
    '1.31.0-dev.20260827': { kubernetes: ['1.35'], support, envoy: '1.39' },
  },
  kubernetes: {
    '1.34.4': { k3s: 'docker.io/rancher/k3s:v1.34.4-k3s1' },
    '1.35.4': { k3s: 'docker.io/rancher/k3s:v1.35.4-k3s1' },
  },
};

it('has every supported cell that a registry has images of, newest first', () => {
  expect(matrixOf(known).cells).toEqual([
    { istio: '1.30.4', kubernetes: '1.35.4' },
    { istio: '1.30.4', kubernetes: '1.34.4' },
    { istio: '1.29.1', kubernetes: '1.35.4' },
    { istio: '1.29.1', kubernetes: '1.34.4' },
    { istio: '1.28.3', kubernetes: '1.34.4' },
  ]);
});

it('has every supported upgrade with its Kubernetes, and no way back', () => {
  expect(matrixOf(known).pairs).toEqual([
    { from: '1.29.1', to: '1.30.4', strategy: 'canary', kubernetes: '1.35.4' },
    { from: '1.29.1', to: '1.30.4', strategy: 'in-place', kubernetes: '1.35.4' },
    { from: '1.28.3', to: '1.30.4', strategy: 'canary', kubernetes: '1.34.4' },
    { from: '1.28.3', to: '1.29.1', strategy: 'canary', kubernetes: '1.34.4' },
    { from: '1.28.3', to: '1.29.1', strategy: 'in-place', kubernetes: '1.34.4' },
  ]);
});

it('lists what Istio does not support, with the reason and its source', () => {
  const { unsupported } = matrixOf(known);
  expect(unsupported.map(({ what }) => what)).toEqual([
    'Istio 1.31.0-dev.20260827 on Kubernetes 1.34.4',
    'Istio 1.28.3 on Kubernetes 1.35.4',
    '1.29.1 → 1.31.0-dev.20260827 in place',
    '1.28.3 → 1.31.0-dev.20260827 as a canary',
    '1.28.3 → 1.31.0-dev.20260827 in place',
    '1.28.3 → 1.30.4 in place',
  ]);
  for (const { reason } of unsupported) expect(reason).toContain('https://istio.io/');
  // Every rule that a pair breaks, not only the first.
  expect(unsupported[3]?.reason).toMatch(/3 minor versions apart.*No listed version of Kubernetes fits both/);
});

it('tells what only the source image set can try', () => {
  expect(matrixOf(known).withoutImages).toEqual([
    {
      what: 'Istio 1.31.0-dev.20260827 on Kubernetes 1.35.4',
      reason: 'no registry has images of Istio 1.31.0-dev.20260827',
    },
    ...['1.30.4 → 1.31.0-dev.20260827 as a canary', '1.30.4 → 1.31.0-dev.20260827 in place'].map((what) => ({
      what,
      reason: 'no registry has images of Istio 1.31.0-dev.20260827',
    })),
    {
      what: '1.29.1 → 1.31.0-dev.20260827 as a canary',
      reason: 'no registry has images of Istio 1.31.0-dev.20260827',
    },
  ]);
});

it('of the source image set has what recipes can build', () => {
  const source = { lock: 'k8s-1.34', module: 'v0.0.0', envoyServer: '1.37.0' };
  const { '1.29.1': older } = known.istio;
  if (older === undefined) throw new Error('the example lists it');
  const buildable = { ...known, istio: { ...known.istio, '1.29.1': { ...older, source } } };
  const { cells, pairs, withoutImages } = matrixOf(buildable, 'source');
  expect(cells.map(({ istio }) => istio)).toEqual(['1.30.4', '1.30.4', '1.29.1', '1.29.1']);
  expect(pairs.map(({ from, to, strategy }) => `${from} ${to} ${strategy}`)).toEqual([
    '1.29.1 1.30.4 canary',
    '1.29.1 1.30.4 in-place',
  ]);
  expect(withoutImages[0]).toEqual({
    what: 'Istio 1.31.0-dev.20260827 on Kubernetes 1.35.4',
    reason: 'no recipe builds Istio 1.31.0-dev.20260827 from source',
  });
});

describe('ranges', () => {
  it('limit cells and pairs', () => {
    const { cells, pairs } = matrixOf(within({ istio: '>=1.28 <1.30', k8s: '1.34.4' }, known));
    expect(cells).toEqual([
      { istio: '1.29.1', kubernetes: '1.34.4' },
      { istio: '1.28.3', kubernetes: '1.34.4' },
    ]);
    expect(pairs.map(({ strategy, kubernetes }) => `${strategy} ${kubernetes}`)).toEqual([
      'canary 1.34.4',
      'in-place 1.34.4',
    ]);
  });

  it('take all where they are empty, and a pre-release as what it is on the way to', () => {
    expect(within({ istio: '', k8s: '' }, known)).toEqual(known);
    expect(Object.keys(within({ istio: '1.31.x', k8s: '' }, known).istio)).toEqual(['1.31.0-dev.20260827']);
  });

  it.each([
    [{ istio: 'new', k8s: '' }, '--istio new is no range of versions.'],
    [{ istio: '', k8s: '>=2' }, 'No listed version of Kubernetes is within --k8s >=2.'],
  ])('%j are refused', (ranges, message) => {
    expect(() => within(ranges, known)).toThrow(message);
  });
});

it('is one line that GitHub Actions fans out from', () => {
  const line = matrixJson(matrixOf(known));
  expect(line).not.toContain('\n');
  const { cells, pairs, unsupported } = JSON.parse(line) as Record<string, { include: unknown[] }>;
  expect(cells?.include).toHaveLength(5);
  expect(pairs?.include[0]).toEqual({
    from: '1.29.1',
    to: '1.30.4',
    strategy: 'canary',
    kubernetes: '1.35.4',
  });
  expect(unsupported).toHaveLength(6);
});

it('says in that line, as nightly.yml looks for it, that there is nothing to upgrade', () => {
  const line = matrixJson(matrixOf(within({ istio: '1.29.1', k8s: '' }, known)));
  expect(line).toContain('"pairs":{"include":[]}');
  expect(line).not.toContain('"cells":{"include":[]}');
});

it('reads as tables', () => {
  const page = matrixPage(matrixOf(known), known);
  expect(page).toMatch(/^ISTIO {3}KUBERNETES {2}NOTE\n1\.30\.4 {2}1\.35\.4\n/);
  // Listed as published, without a recipe to build it.
  expect(page).toMatch(/^1\.29\.1 {2}1\.35\.4 {6}Istio 1\.29\.1 was never run /m);
  expect(page).toContain('FROM    TO      STRATEGY  KUBERNETES\n1.29.1  1.30.4  canary    1.35.4\n');
  expect(page).toMatch(/NOT SUPPORTED +BECAUSE\n/);
});

it('of fixtures/versions.yaml names only pairs that the gate takes', () => {
  const { cells, pairs } = matrixOf();
  expect(cells.length).toBeGreaterThan(0);
  expect(pairs.length).toBeGreaterThan(0);
  for (const pair of pairs) {
    expect(resolvePair({ ...pair, rollback: false, allowUnsupported: false })).toEqual(pair);
  }
});
