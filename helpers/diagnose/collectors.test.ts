import { expect, it } from 'vitest';
import type { CauseCode } from '../causes/causes.ts';
import { exportsEndingIn } from '../../tests/support/exports.ts';
import { soundTrip } from '../../tests/samples/trip.ts';
import { runCollectors } from './collector.ts';
import { catalogue, inReadingOrder } from './collectors.ts';
import { indexPage, type EvidenceRequest } from './evidence.ts';
import { listPods } from './collect.pods.ts';
import type { Source } from './source.ts';

const cause: CauseCode = 'PASSTHROUGH';
const failure: EvidenceRequest = {
  folder: '',
  title: '',
  cluster: undefined,
  nodeLog: 'last words',
  images: { source: 'source' } as unknown as EvidenceRequest['images'],
  findings: [{ cause, seen: '', expected: '' }],
  trips: [soundTrip()],
  proxy: undefined,
  message: '',
};
const pod = {
  metadata: { name: 'a', namespace: 'default', labels: { app: 'squid' } },
  spec: { initContainers: [{ name: 'istio-proxy' }], containers: [{ name: 'squid' }] },
  status: { initContainerStatuses: [{ name: 'istio-proxy', state: { running: {} } }] },
};
const answers: Readonly<Record<string, unknown>> = {
  '/apis': { groups: [] },
  '/api/v1/pods': { apiVersion: 'v1', kind: 'PodList', items: [pod] },
};
const source: Source = {
  api: {
    get: (path) =>
      Promise.resolve(JSON.stringify(answers[path] ?? { apiVersion: 'v1', kind: 'List', items: [] })),
  },
  exec: () => Promise.resolve({ exitCode: 0, stdout: '{}', stderr: '' }),
  istioctl: () => Promise.resolve(''),
  proxy: { ip: '10.42.0.5', port: 3128 },
};

it.each(catalogue.map((entry) => [entry.at, entry] as const))(
  '%s holds all that its entry collects',
  async (at, entry) => {
    const { signal } = new AbortController();
    const collectors = {
      failure: () => (entry.of === 'failure' ? entry.collect(failure) : []),
      node: () =>
        entry.of === 'node' ? entry.collect({ containerId: 'no-such-container', folder: 'node' }) : [],
      cluster: () => (entry.of === 'cluster' ? entry.collect(source) : []),
      pods: async () => (entry.of === 'pods' ? entry.collect((await listPods(source, signal)).pods) : []),
    };
    const own = await collectors[entry.of]();
    expect(own.length).toBeGreaterThan(0);
    for (const { file } of own) expect(file.startsWith(at), file).toBe(true);
    if (entry.of === 'node' || at === 'pods.txt') return;
    const limits = { concurrency: 4, timeoutMs: 5_000, eachMs: 5_000 };
    const rows = await runCollectors(own, () => Promise.resolve(), limits);
    expect(rows.length).toBeGreaterThan(0);
    for (const { file, problem } of rows) {
      expect(problem).toBeUndefined();
      expect(file.startsWith(at), file).toBe(true);
    }
  },
);

it('has an entry for each collector, and each list of them, that a file exports', async () => {
  const endings = ['Collector', 'Collectors'];
  const found = await Promise.all(endings.map((ending) => exportsEndingIn(ending, import.meta.dirname)));
  const named = catalogue.map(({ collect }) => `${collect.name} ${String(collect)}`).join();
  const others = found
    .flat()
    .map(([name]) => name)
    .filter((name) => name !== 'runCollectors' && !named.includes(name));
  expect(found.map(({ length }) => length > 1)).toEqual([true, true]);
  expect(others, 'add them to the catalogue in collectors.ts').toEqual([]);
});

it('begins with what failed and ends with the node', () => {
  const files = ['node/container.log', 'istio/b', 'istio/a', 'trips.txt', 'else', 'failure.txt'];
  const rows = files.map((file) => ({ file, what: '' }));
  expect(inReadingOrder(rows).map(({ file }) => file)).toEqual([
    'failure.txt',
    'trips.txt',
    'istio/b',
    'istio/a',
    'node/container.log',
    'else',
  ]);
});

it('is a table, whatever a problem says', () => {
  const page = indexPage('MESH-2 failed', new Date(0), [
    { file: 'a b.txt', what: 'A' },
    { file: 'c.txt', what: 'C', problem: 'x | y\nz' },
  ]);
  expect(page).toContain('# MESH-2 failed\n');
  expect(page).toContain('| [a b.txt](a%20b.txt) | A |  |\n');
  expect(page).toContain('| c.txt | C | x \\| y z |\n');
});
