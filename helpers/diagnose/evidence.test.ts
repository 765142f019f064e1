import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Cluster } from '../cluster/cluster.ts';
import { soundTrip } from '../../tests/samples/trip.ts';
import { collectEvidence, type EvidenceRequest } from './evidence.ts';

let folder: string;
let silent: Server;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evidence-'));
  // Takes connections and never says a word.
  silent = createServer();
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  silent.close();
  await rm(folder, { recursive: true, force: true });
});

function request(changes: Partial<EvidenceRequest> = {}): EvidenceRequest {
  return {
    folder: join(folder, 'MESH-2'),
    title: 'MESH-2 failed: PASSTHROUGH',
    cluster: undefined,
    images: undefined,
    findings: [{ cause: 'PASSTHROUGH', seen: 'this', expected: 'that' }],
    trips: [soundTrip()],
    proxy: undefined,
    message: 'it said Authorization: Bearer abcdefgh12345678',
    ...changes,
  };
}

function clusterAt(port: number): Cluster {
  const kubeconfig = [
    'apiVersion: v1',
    'kind: Config',
    `clusters: [{name: a, cluster: {server: "https://127.0.0.1:${port}"}}]`,
    'users: [{name: a, user: {}}]',
    'contexts: [{name: a, context: {cluster: a, user: a}}]',
    'current-context: a',
  ].join('\n');
  return {
    runId: 'run',
    kubeconfig,
    internalKubeconfig: kubeconfig,
    network: 'none',
    containerId: '',
    reused: false,
  };
}

const problems = (rows: Awaited<ReturnType<typeof collectEvidence>>): string[] =>
  rows.flatMap(({ file, problem }) => (problem === undefined ? [] : [`${file}: ${problem}`]));

describe('collectEvidence', () => {
  it('writes what the suite knows also without a cluster, redacted, with an index', async () => {
    const rows = await collectEvidence(request());
    expect(problems(rows)).toEqual(['objects/version.json: there is no cluster']);
    const files = await readdir(join(folder, 'MESH-2'));
    expect(files.sort()).toEqual([
      'failure.txt',
      'findings.json',
      'index.json',
      'index.md',
      'trips.json',
      'trips.txt',
    ]);
    const failure = await readFile(join(folder, 'MESH-2', 'failure.txt'), 'utf8');
    expect(failure).toBe('MESH-2 failed: PASSTHROUGH\n\nit said Authorization: [removed]\n');
    const index: unknown = JSON.parse(await readFile(join(folder, 'MESH-2', 'index.json'), 'utf8'));
    expect(index).toMatchObject({ title: 'MESH-2 failed: PASSTHROUGH', files: rows });
  });

  it('keeps the log of a node that is gone, and the images it was made of', async () => {
    const images = { source: 'source' } as unknown as EvidenceRequest['images'];
    await collectEvidence(request({ nodeLog: 'out of inotify instances\n', images }));
    const kept = await readFile(join(folder, 'MESH-2', 'node', 'last.log'), 'utf8');
    expect(kept).toBe('out of inotify instances\n');
    expect(JSON.parse(await readFile(join(folder, 'MESH-2', 'images.json'), 'utf8'))).toEqual(images);
  });

  it('asks a dead API server once', async () => {
    const { port } = silent.address() as { port: number };
    silent.close();
    const start = performance.now();
    const rows = await collectEvidence(request({ cluster: clusterAt(port) }));
    expect(problems(rows)).toEqual([
      expect.stringMatching(/^objects\/version.json: the API server does not answer: .*ECONNREFUSED/),
    ]);
    expect(performance.now() - start).toBeLessThan(3_000);
  });

  it('does not wait longer than its deadline for one that hangs', async () => {
    const { port } = silent.address() as { port: number };
    const start = performance.now();
    const rows = await collectEvidence(request({ cluster: clusterAt(port) }), 300);
    expect(problems(rows)).toEqual(['objects/version.json: not collected within 0.3 s']);
    expect(performance.now() - start).toBeLessThan(2_000);
  });

  it('takes a cluster that is only partly known', async () => {
    const rows = await collectEvidence(request({ cluster: { ...clusterAt(1), kubeconfig: 'nonsense' } }));
    expect(problems(rows)).toHaveLength(1);
  });

  it('does not throw where nothing can be written', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    const rows = await collectEvidence(request({ folder: join(file, 'MESH-2') }));
    expect(rows.every(({ problem }) => problem !== undefined)).toBe(true);
    expect(rows.map((row) => row.file)).toContain('index.md');
  });
});
