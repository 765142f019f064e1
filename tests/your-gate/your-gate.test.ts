import { mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { withoutVitest } from '../../faults/checkout.ts';
import type { Cluster } from '../../helpers/cluster/cluster.ts';
import { dnsMustBeReady, removeCluster, startCluster } from '../../helpers/cluster/k3s.ts';
import { sweep } from '../../helpers/cluster/sweep.ts';
import { eventually } from '../../helpers/eventually/eventually.ts';
import { pairTo } from '../../helpers/gate/rules.ts';
import { chooseSource } from '../../helpers/images/choose.ts';
import { ensureImageSet } from '../../helpers/images/ensure.ts';
import { resolveVersions } from '../../helpers/images/versions.ts';
import type { ImageSet } from '../../helpers/images/roles.ts';
import { connect, type Kube } from '../../helpers/kube/client.ts';
import {
  belongsToIstio,
  compareSnapshots,
  takeSnapshot,
  type Snapshot,
} from '../../helpers/kube/snapshot.ts';
import { silent } from '../../helpers/progress/progress.ts';
import { results } from '../../helpers/results/results.ts';
import { newRunId } from '../../helpers/session/session.ts';
import { chartsOf, helmHere, valuesFor, type Helm } from '../support/helm.ts';

/** Somebody's cluster, whose Istio Helm has installed and upgrades: each test begins with the old version. */
const root = fileURLToPath(new URL('../..', import.meta.url));
const loader = pathToFileURL(join(root, 'node_modules/tsx/dist/loader.mjs')).href;
const examples = join(root, 'examples/upgrade');
const system = 'istio-system';

let helm: Helm;
let cluster: Cluster;
let kube: Kube;
let sets: readonly [ImageSet, ImageSet];
let folder: string;
let kubeconfig: string;
/** For the examples' scripts: charts, values and Helm of this machine. */
let newVersion: Record<string, string>;

beforeAll(async () => {
  helm = await helmHere();
  folder = await realpath(await mkdtemp(join(tmpdir(), 'conformance-your-gate-')));
  kubeconfig = join(folder, 'kubeconfig');
  await sweep();
  const { istio } = resolveVersions({});
  const { from, to, kubernetes } = pairTo(istio, 'source');
  const { because: _because, ...origin } = await chooseSource('source', [{ istio: from, kubernetes }]);
  const set = (istio: string): Promise<ImageSet> => ensureImageSet({ ...origin, istio, kubernetes }, silent);
  sets = [await set(from), await set(to)];
  cluster = await startCluster({
    ...{ runId: newRunId(), images: sets[0], others: [sets[1]], keep: false, reuse: false },
    ...{ injection: 'auto', report: () => undefined, beforeRemoval: () => Promise.resolve() },
  });
  kube = connect(cluster.kubeconfig);
  await dnsMustBeReady(kube);
  await writeFile(kubeconfig, cluster.kubeconfig, { mode: 0o600 });
  for (const each of sets) await writeFile(valuesFile(each), stringify(valuesFor(each)));
  const charts = await chartsOf(to);
  newVersion = {
    HELM: helm.path,
    ISTIO_VERSION: to,
    ISTIO_BASE: charts.base,
    ISTIO_ISTIOD: charts.istiod,
    ISTIO_VALUES: valuesFile(sets[1]),
  };
  await oldVersion();
});

afterAll(async () => {
  await removeCluster(cluster);
  await rm(folder, { recursive: true, force: true });
});

function valuesFile({ istio }: ImageSet): string {
  return join(folder, `values-${istio}.yaml`);
}

/** The old version, in place of whatever is there. */
async function oldVersion(): Promise<void> {
  const charts = await chartsOf(sets[0].istio);
  const always = ['--namespace', system, '--create-namespace', '--install', '--wait'];
  await helm.run(kubeconfig, 'upgrade', 'istio-base', charts.base, ...always);
  const values = ['--reset-values', '--values', valuesFile(sets[0])];
  await helm.run(kubeconfig, 'upgrade', 'istiod', charts.istiod, ...always, ...values);
}

function gate(...args: readonly string[]) {
  const { images } = sets[0];
  const named = (['curl', 'squid', 'origin'] as const).flatMap((role) => [
    '--image',
    `${role}=${images[role].reference}`,
  ]);
  const command = ['--import', loader, join(root, 'cli/main.ts'), 'gate', '--kubeconfig', kubeconfig];
  return execa(process.execPath, [...command, ...named, ...args], {
    cwd: folder,
    env: {
      ...withoutVitest(process.env),
      ...newVersion,
      DOCKER_HOST: 'unix:///nowhere/docker.sock',
      NO_COLOR: '1',
      TSX_TSCONFIG_PATH: join(root, 'tsconfig.json'),
    },
    extendEnv: false,
    all: true,
    reject: false,
    stdin: 'ignore',
  });
}

async function lastResults() {
  return results.parse(JSON.parse(await readFile(join(folder, 'reports/latest/results.json'), 'utf8')));
}

/** Waits until a gate has come this far. */
async function mustSay(output: NodeJS.ReadableStream, text: string): Promise<void> {
  let seen = '';
  output.on('data', (data: Buffer) => {
    seen += data.toString();
  });
  await eventually(
    `the gate to say ${text}`,
    () => {
      if (!seen.includes(text)) throw new Error(`last: ${seen.slice(-200)}`);
    },
    { timeoutMs: 400_000 },
  );
}

/** Everything but Istio itself, whose upgrade is what happened. */
function snapshot(): Promise<Snapshot> {
  return takeSnapshot(kube, (object) => object.kind === 'Node' || belongsToIstio(object));
}

async function mustBeAsBefore(before: Snapshot): Promise<void> {
  await eventually(
    'the cluster to be as it was, but for Istio',
    async () => {
      const { added, removed, changed } = compareSnapshots(before, await snapshot());
      const differences = [...added, ...removed, ...changed];
      if (differences.length > 0) throw new Error(differences.join('; '));
    },
    { timeoutMs: 30_000 },
  );
}

test('a command that fails half-way: red, its words told, the mesh described and left, the rest as before', async () => {
  const before = await snapshot();
  const half = `"$HELM" upgrade istio-base "$ISTIO_BASE" -n ${system} >base.log && echo 'chart istiod not found' >&2 && exit 3`;
  const { exitCode, all } = await gate('--upgrade-command', half);
  expect(exitCode, all).toBe(1);
  expect(all).toContain('exit code 3: chart istiod not found');
  expect(all).toMatch(/istiod-\S+: revision default, \S+pilot\S+, ready, injects istio-injection=enabled/);
  const { steps, gate: known } = await lastResults();
  expect(steps.find(({ status }) => status === 'failed')).toMatchObject({
    id: 'UPGRADE-1',
    evidence: 'evidence/upgrade-UPGRADE-1',
    findings: [{ cause: 'UPGRADE_FAILED' }],
  });
  expect(known).toMatchObject({ from: sets[0].istio, strategy: 'unknown' });
  await mustBeAsBefore(before);
});

test('Ctrl-C in the middle: the command gets it once, and what the run made goes', async () => {
  const before = await snapshot();
  const waits = `trap 'echo told to end; exit 9' INT; echo begun; sleep 600`;
  const running = gate('--upgrade-command', waits);
  await mustSay(running.all, '| begun');
  running.kill('SIGINT');
  const { exitCode, all } = await running;
  expect(exitCode, all).toBe(130);
  expect(all.match(/\| told to end/g)).toHaveLength(1);
  const { verdict, gate: known } = await lastResults();
  expect(verdict).toBe('interrupted');
  expect(known?.mesh.join('\n')).toMatch(/revision default, \S+, ready/);
  await mustBeAsBefore(before);
});

test('Helm, a canary that is taken back: found, judged, and the document holds again', async () => {
  const before = await snapshot();
  const { exitCode, all } = await gate(
    ...['--upgrade-command', join(examples, 'helm-canary')],
    ...['--rollback-command', join(examples, 'helm-canary-back')],
  );
  expect(exitCode, all).toBe(0);
  const [from, to] = sets.map(({ istio }) => istio);
  expect((await lastResults()).gate).toMatchObject({ from, to, strategy: 'canary', rollback: true });
  await mustBeAsBefore(before);
});

test('Helm, a canary: the suite’s own namespace goes over, and everything else is as before', async () => {
  const before = await snapshot();
  const { exitCode, all } = await gate('--upgrade-command', join(examples, 'helm-canary'));
  expect(exitCode, all).toBe(0);
  expect(all).toContain('istio.io/rev=');
  const [from, to] = sets.map(({ istio }) => istio);
  expect((await lastResults()).gate).toMatchObject({ from, to, strategy: 'canary' });
  await mustBeAsBefore(before);
  await execa(join(examples, 'helm-canary-back'), { env: { ...newVersion, KUBECONFIG: kubeconfig } });
});

test('Helm, in place, by a pipeline: --wait-for finds it', async () => {
  const before = await snapshot();
  const { istio: to } = sets[1];
  const running = gate('--wait-for', to);
  await mustSay(running.all, `waiting until an istiod of ${to}`);
  await execa(join(examples, 'helm-in-place'), { env: { ...newVersion, KUBECONFIG: kubeconfig } });
  const { exitCode, all } = await running;
  expect(exitCode, all).toBe(0);
  expect((await lastResults()).gate).toMatchObject({ from: sets[0].istio, to, strategy: 'in-place' });
  await mustBeAsBefore(before);
});
