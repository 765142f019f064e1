import { mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { createGunzip } from 'node:zlib';
import { BatchV1Api, type KubernetesObject, type V1ConfigMap } from '@kubernetes/client-node';
import { execa } from 'execa';
import { extract } from 'tar-fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import type { z } from 'zod';
import { eventually } from '../../helpers/eventually/eventually.ts';
import { jobName } from '../../helpers/job/job-objects.ts';
import { reportEntries } from '../../helpers/job/stored-report.ts';
import { apply, find, remove } from '../../helpers/kube/apply.ts';
import { results } from '../../helpers/results/results.ts';
import { foreignCluster, type ForeignCluster } from '../support/foreign-cluster.ts';
import { buildSuiteImage, type SuiteImage } from './suite-image.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const namespace = 'conformance';

let theirs: ForeignCluster;
let suite: SuiteImage;
let folder: string;
const made: AsyncDisposable[] = [];

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'conformance-job-')));
  suite = await buildSuiteImage();
  made.push(suite);
  theirs = await foreignCluster();
  made.push(theirs);
  await suite.into(theirs.cluster.containerId ?? '');
});

afterAll(async () => {
  for (const one of made.reverse()) await one[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** What a user gets of `./conformance job`, and gives to `kubectl apply`. */
async function manifest(...runArguments: readonly string[]): Promise<KubernetesObject[]> {
  const { stdout } = await execa(
    process.execPath,
    [join(root, 'cli/main.ts'), 'job', '--image', suite.reference, '--', ...runArguments],
    { stdin: 'ignore' },
  );
  return parseAllDocuments(stdout).map((document) => document.toJS() as KubernetesObject);
}

/** The source set's images by name: inside the cluster there is no engine to ask. */
function named(): string[] {
  const { images } = theirs.images;
  return (['curl', 'squid', 'origin'] as const).flatMap((role) => [
    '--image',
    `${role}=${images[role].reference}`,
  ]);
}

/** Runs the Job to its end. @returns whether it succeeded, what it said, and the ConfigMap it left */
async function runJob(objects: readonly KubernetesObject[]): Promise<{
  succeeded: boolean;
  log: string;
  left: V1ConfigMap | undefined;
}> {
  const { kube } = theirs;
  // Not as the suite: what another manager labels a namespace with stays.
  await apply(kube, objects, undefined, 'kubectl');
  const batch = kube.config.makeApiClient(BatchV1Api);
  const succeeded = await eventually(
    'the Job to end',
    async () => {
      const { status } = await batch.readNamespacedJob({ name: jobName, namespace });
      if (status?.succeeded === 1) return true;
      if (status?.failed === 1) return false;
      throw new Error(JSON.stringify(status));
    },
    { timeoutMs: 300_000, intervalMs: 1000 },
  );
  const { items } = await kube.core.listNamespacedPod({ namespace, labelSelector: `job-name=${jobName}` });
  const log = await kube.core.readNamespacedPodLog({ namespace, name: items[0]?.metadata?.name ?? '' });
  const metadata = { name: 'conformance-report', namespace };
  const left = await find<V1ConfigMap>(kube, { apiVersion: 'v1', kind: 'ConfigMap', metadata });
  await batch.deleteNamespacedJob({ name: jobName, namespace, propagationPolicy: 'Foreground' });
  await eventually(
    'the Job to be gone',
    async () => {
      const job = { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: jobName, namespace } };
      if ((await find(kube, job)) !== undefined) throw new Error('it is there');
    },
    { timeoutMs: 60_000 },
  );
  return { succeeded, log, left };
}

async function unpacked(left: V1ConfigMap | undefined, name: string): Promise<z.infer<typeof results>> {
  const bytes = Buffer.from(left?.binaryData?.[reportEntries.archive] ?? '', 'base64');
  await pipeline(Readable.from([bytes]), createGunzip(), extract(join(folder, name)));
  return results.parse(JSON.parse(await readFile(join(folder, name, 'results.json'), 'utf8')));
}

test('a Job judges the mesh around it, and leaves its report in a ConfigMap', async () => {
  const objects = await manifest('--target', 'hermetic', ...named());
  const { succeeded, log, left } = await runJob(objects);
  expect(log).toContain('Verdict: conformant');
  expect(log).toContain('ConfigMap: conformance/conformance-report');
  expect(succeeded).toBe(true);
  expect(left?.data).toEqual({ [reportEntries.verdict]: 'conformant' });
  const run = await unpacked(left, 'green');
  expect(run).toMatchObject({ verdict: 'conformant', exitCode: 0, scope: 'whole' });
  expect(run.steps.every(({ status }) => status === 'passed')).toBe(true);
  expect(await readFile(join(folder, 'green/report/index.html'), 'utf8')).toContain('<!doctype html>');
});

test('without its permissions it says which, and the Job has failed', async () => {
  const objects = await manifest('--target', 'hermetic', ...named());
  const cluster = objects.filter(({ kind }) => kind === 'ClusterRoleBinding');
  expect(cluster).toHaveLength(1);
  await remove(theirs.kube, cluster);
  const { succeeded, log, left } = await runJob(objects.filter((object) => !cluster.includes(object)));
  expect(log).toMatch(/may not do what a run does|is forbidden|403/);
  expect(log).not.toMatch(/^ {4}at /m);
  expect(succeeded).toBe(false);
  expect(left?.data).toEqual({ [reportEntries.verdict]: 'environment: ENVIRONMENT' });
});
