import { mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { accountName, rbacObjects } from '../../helpers/existing/rbac.ts';
import { eventually } from '../../helpers/eventually/eventually.ts';
import { distributedNames } from '../../helpers/existing/installed.ts';
import { permissionsOf, type Permission } from '../../helpers/existing/permissions.ts';
import { apply, remove } from '../../helpers/kube/apply.ts';
import { compareSnapshots, takeSnapshot, type Snapshot } from '../../helpers/kube/snapshot.ts';
import { results } from '../../helpers/results/results.ts';
import { withoutVitest } from '../../faults/checkout.ts';
import { foreignCluster, type ForeignCluster } from '../support/foreign-cluster.ts';
import { recordingApi, type Deed } from '../support/recording-api.ts';
import { kubeconfigOf } from '../support/service-account.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const loader = pathToFileURL(join(root, 'node_modules/tsx/dist/loader.mjs')).href;
const namespaces = { mesh: 'ours-mesh', external: 'ours-external', origin: 'ours-external-origin' };
const named = ['--namespace', namespaces.mesh, '--proxy-namespace', namespaces.external];

let theirs: ForeignCluster;
let folder: string;
let administrator: string;

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'conformance-existing-')));
  theirs = await foreignCluster();
  administrator = await file('administrator', theirs.cluster.kubeconfig);
});

afterAll(async () => {
  await theirs[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function file(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text, { mode: 0o600 });
  return path;
}

interface Ended {
  readonly exitCode: number | undefined;
  readonly output: string;
}

/** No engine answers to these runs, and they need none. */
function start(args: readonly string[]) {
  return execa(process.execPath, ['--import', loader, join(root, 'cli/main.ts'), ...args], {
    cwd: folder,
    env: {
      ...withoutVitest(process.env),
      DOCKER_HOST: 'unix:///nowhere/docker.sock',
      NO_COLOR: '1',
      TSX_TSCONFIG_PATH: join(root, 'tsconfig.json'),
    },
    extendEnv: false,
    all: true,
    reject: false,
    stdin: 'ignore',
    timeout: 300_000,
  });
}

async function conformance(args: readonly string[]): Promise<Ended> {
  const { exitCode, all } = await start(args);
  expect(all).not.toMatch(/^ {4}at /m);
  return { exitCode, output: all };
}

/** Images are named one by one: to know what the source set calls them, an engine would be asked. */
function run(kubeconfig: string, ...args: readonly string[]): string[] {
  const { images } = theirs.images;
  const named = (['curl', 'squid', 'origin'] as const).flatMap((role) => [
    '--image',
    `${role}=${images[role].reference}`,
  ]);
  return ['run', '--kubeconfig', kubeconfig, '--target', 'hermetic', ...named, ...args];
}

/**
 * Everything in the cluster but what its own machinery writes all the time; Istio's objects included, and whatever
 * namespaces are labelled with.
 */
async function snapshot(): Promise<Snapshot> {
  const objects = await takeSnapshot(
    theirs.kube,
    // istiod puts these into each namespace that it has looked at, and leaves them there.
    ({ kind, metadata }) => kind === 'Node' || distributedNames.includes(metadata?.name ?? ''),
  );
  const { items } = await theirs.kube.core.listNamespace();
  const marks = items.map(({ metadata }): [string, string] => [
    `marks of namespace ${metadata?.name ?? ''}`,
    JSON.stringify([sorted(metadata?.labels), sorted(metadata?.annotations)]),
  ]);
  return new Map([...objects, ...marks]);
}

function sorted(marks: Readonly<Record<string, string>> = {}): [string, string][] {
  return Object.entries(marks).sort(([a], [b]) => (a < b ? -1 : 1));
}

async function mustBeAsBefore(before: Snapshot): Promise<void> {
  await eventually(
    'the cluster to be as it was',
    async () => {
      const { added, removed, changed } = compareSnapshots(before, await snapshot());
      const differences = [...added, ...removed, ...changed];
      if (differences.length > 0) throw new Error(differences.join('; '));
    },
    { timeoutMs: 20_000 },
  );
}

test('a run of the user that conformance rbac makes is green, and leaves everything as it was', async () => {
  await apply(theirs.kube, rbacObjects({ namespaces, system: 'istio-system' }), undefined, 'administrator');
  const account = { namespace: namespaces.external, name: accountName };
  await using api = await recordingApi(await kubeconfigOf(theirs.kube, account));
  const auths = { 'registry.example': { auth: Buffer.from('ours:secret-word').toString('base64') } };
  const login = await file('login.json', JSON.stringify({ auths }));
  const before = await snapshot();
  const user = await file('user', api.kubeconfig);
  const options = ['--every-node', '--pull-secret', login];
  const { exitCode, output } = await conformance(run(user, ...named, ...options));
  expect(output).toContain('Verdict: conformant');
  expect(output).toContain(`Istio ${theirs.images.istio}, revision theirs in istio-system`);
  expect(output).toMatch(/✓ NODE-1 .*conformance-node-1 on node /);
  expect(exitCode).toBe(0);
  await mustBeAsBefore(before);
  const report = await readFile(join(folder, 'reports/latest/results.json'), 'utf8');
  expect(results.parse(JSON.parse(report)).steps.every(({ status }) => status === 'passed')).toBe(true);
  expect(report).not.toContain(Buffer.from('ours:secret-word').toString('base64'));
  expect(unused(api.deeds())).toEqual(notNeeded);
});

test('another’s namespace is refused, and nothing is done in it', async () => {
  const before = await snapshot();
  const { exitCode, output } = await conformance(run(administrator, '--proxy-namespace', 'external'));
  expect(output).toContain("Namespace external exists and is not the suite's");
  expect(exitCode).toBe(2);
  await mustBeAsBefore(before);
});

test('what the user may not do is named before anything is done', async () => {
  const binding = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: accountName, namespace: namespaces.mesh },
  };
  const account = { namespace: namespaces.external, name: accountName };
  const user = await file('user', await kubeconfigOf(theirs.kube, account));
  await remove(theirs.kube, [binding]);
  const before = await snapshot();
  const { exitCode, output } = await conformance(run(user, ...named));
  expect(output).toContain("The kubeconfig's user may not do what a run does:");
  expect(output).toContain(`  pods/exec in ${namespaces.mesh}: get, create\n`);
  expect(output).not.toContain(`in ${namespaces.external}:`);
  expect(output).toContain('./conformance rbac');
  expect(exitCode).toBe(3);
  await mustBeAsBefore(before);
});

test('what a killed run left goes with clean, and an interrupted run takes away what it made', async () => {
  const before = await snapshot();
  const killed = start(run(administrator, '--namespace', 'gone-mesh', '--proxy-namespace', 'gone-proxy'));
  const stopped = start(run(administrator, '--namespace', 'int-mesh', '--proxy-namespace', 'int-proxy'));
  await Promise.all([mustHaveBegun('gone-proxy'), mustHaveBegun('int-proxy')]);
  // It lives, and is not through before the other is cleaned up.
  stopped.kill('SIGSTOP');
  killed.kill('SIGKILL');
  await killed;
  const { exitCode, output } = await conformance(['clean', '--kubeconfig', administrator]);
  const lines = output.split('\n');
  for (const part of ['gone-mesh', 'gone-proxy', 'gone-proxy-origin']) {
    expect(lines).toContain(`removed namespace ${part}`);
  }
  expect(output).toMatch(/^left alone: namespace int-mesh: run \S+ is at work on it$/m);
  expect(output).not.toContain(namespaces.mesh);
  expect(exitCode).toBe(0);
  stopped.kill('SIGCONT');
  stopped.kill('SIGINT');
  const ended = await stopped;
  expect(ended.exitCode, ended.all).toBe(130);
  await mustBeAsBefore(before);
});

async function mustHaveBegun(proxyNamespace: string): Promise<void> {
  await eventually(
    'the run to have made its namespaces and its proxy',
    () => theirs.kube.apps.readNamespacedDeployment({ namespace: proxyNamespace, name: 'squid' }),
    { timeoutMs: 90_000 },
  );
}

/** What a green run does not need: it is for the evidence of a red one, and for `--clients`, which applies its script. */
const notNeeded = [
  `${namespaces.mesh}: configmaps patch`,
  ...['mesh', 'external', 'origin'].flatMap((part) => [
    `${namespaces[part as keyof typeof namespaces]}: events list`,
    `${namespaces[part as keyof typeof namespaces]}: replicasets.apps list`,
  ]),
  `${namespaces.external}: pods/log get`,
].sort();

/** The rights that no request has used: they would not be the least ones. */
function unused(deeds: readonly Deed[]): string[] {
  const { everywhere, own, system } = permissionsOf(namespaces);
  const granted: readonly (readonly [string, readonly Permission[]])[] = [
    ['', everywhere],
    ...(['mesh', 'external', 'origin'] as const).map((part) => [namespaces[part], own[part]] as const),
    ['istio-system', system],
  ];
  return granted
    .flatMap(([where, permissions]) =>
      permissions.flatMap(({ group, resource, verbs }) =>
        verbs
          .filter((verb) => !deeds.some(isDeed({ group, resource, verb, namespace: where })))
          .map((verb) => `${where}: ${resource}${group === '' ? '' : `.${group}`} ${verb}`),
      ),
    )
    .sort();
}

function isDeed(wanted: Omit<Deed, 'name'>): (deed: Deed) => boolean {
  return ({ group, resource, verb, namespace }) =>
    group === wanted.group &&
    resource === wanted.resource &&
    verb === wanted.verb &&
    namespace === wanted.namespace;
}
