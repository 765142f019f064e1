import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KubeConfig, type V1PodSpec } from '@kubernetes/client-node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { accountName, rbacObjects } from '../../helpers/existing/rbac.ts';
import { eventually } from '../../helpers/eventually/eventually.ts';
import { clientNamed } from '../../helpers/existing/client-name.ts';
import { permissionsOf, type Permission } from '../../helpers/existing/permissions.ts';
import { apply, remove } from '../../helpers/kube/apply.ts';
import { podMustBeReady } from '../../helpers/kube/workloads.ts';
import { results } from '../../helpers/results/results.ts';
import { leadingProxy } from '../support/corporate-proxy.ts';
import { foreignCluster, type ForeignCluster } from '../support/foreign-cluster.ts';
import { ForeignRuns } from '../support/foreign-runs.ts';
import { recordingApi, type Deed } from '../support/recording-api.ts';
import { kubeconfigOf } from '../support/service-account.ts';

const namespaces = { mesh: 'ours-mesh', external: 'ours-external', origin: 'ours-external-origin' };
const named = ['--namespace', namespaces.mesh, '--proxy-namespace', namespaces.external];
const account = { namespace: namespaces.external, name: accountName };

const auths = { 'registry.example': { auth: Buffer.from('ours:secret-word').toString('base64') } };

let theirs: ForeignCluster;
let runs: ForeignRuns;
let administrator: string;

beforeAll(async () => {
  theirs = await foreignCluster();
  runs = await ForeignRuns.in(theirs);
  administrator = await runs.file('administrator', theirs.cluster.kubeconfig);
});

afterAll(async () => {
  await theirs[Symbol.asyncDispose]();
  await runs[Symbol.asyncDispose]();
});

test('a run of the user that conformance rbac makes is green, and leaves everything as it was', async () => {
  await apply(theirs.kube, rbacObjects({ namespaces, system: 'istio-system' }), undefined, 'administrator');
  await using api = await recordingApi(await kubeconfigOf(theirs.kube, account));
  const login = await runs.file('login.json', JSON.stringify({ auths }));
  const before = await runs.snapshot();
  const user = await runs.file('user', api.kubeconfig);
  const options = ['--every-node', '--pull-secret', login];
  const { exitCode, output } = await runs.conformance(runs.arguments(user, ...named, ...options));
  expect(output).toContain('Verdict: conformant');
  expect(output).toContain(`Istio ${theirs.images.istio}, revision theirs in istio-system`);
  expect(output).toMatch(/✓ NODE-1 .*conformance-node-1 on node /);
  expect(exitCode).toBe(0);
  await runs.mustBeAsBefore(before);
  const { report, steps } = await lastResults();
  expect(steps.every(({ status }) => status === 'passed')).toBe(true);
  expect(report).not.toContain(Buffer.from('ours:secret-word').toString('base64'));
  expect(unused(api.deeds())).toEqual(notNeeded);
});

test('where a proxy alone finds the API server it is green by proxy-url, and HTTPS_PROXY is heeded as kubectl does', async () => {
  const config = new KubeConfig();
  config.loadFromString(theirs.cluster.kubeconfig);
  const here = config.getCurrentCluster() ?? expect.fail('it has no cluster');
  const login = 'ours:secret-word';
  await using proxy = await leadingProxy(new URL(here.server), login);
  const server = 'https://api.conformance.test:6443';
  const behind = (proxyUrl?: string): Promise<string> => {
    const cluster = { ...here, server, tlsServerName: 'localhost' };
    config.clusters = [proxyUrl === undefined ? cluster : { ...cluster, proxyUrl }];
    return runs.file('behind', config.exportConfig());
  };
  const { exitCode, output } = await runs.conformance(runs.arguments(await behind(proxy.url), ...named));
  expect(output).toContain('Verdict: conformant');
  expect(output).toContain(` through the proxy ${proxy.url.replace(login, '…')}, 1 node; `);
  expect(exitCode).toBe(0);
  expect((await lastResults()).report).not.toContain(login);
  expect(new Set(proxy.asked)).toEqual(new Set(['api.conformance.test:6443']));

  const args = ['clean', '--kubeconfig', await behind()];
  const asked = proxy.asked.length;
  const by = (env: Readonly<Record<string, string>>) => runs.start(args, { env });
  expect(await by({ HTTPS_PROXY: proxy.url })).toMatchObject({ exitCode: 0 });
  expect(proxy.asked.length).toBeGreaterThan(asked);
  const around = await by({ HTTPS_PROXY: proxy.url, NO_PROXY: '.conformance.test' });
  expect(around.all).toMatch(
    /The API server \S+ cannot be used: getaddrinfo .*the proxy \(HTTPS_PROXY, NO_PROXY\)/s,
  );
  expect(around.exitCode).toBe(3);
  const refused = await by({ HTTPS_PROXY: proxy.url.replace('secret', 'other') });
  expect(refused.all).toMatch(
    /cannot be used through the proxy \S+: Proxy response \(407\).*wants a name and password/s,
  );
  expect(refused.exitCode).toBe(3);
});

test('another’s namespace is refused, and nothing is done in it', async () => {
  const before = await runs.snapshot();
  const { exitCode, output } = await runs.conformance(
    runs.arguments(administrator, '--proxy-namespace', 'external'),
  );
  expect(output).toContain("Namespace external exists and is not the suite's");
  expect(exitCode).toBe(2);
  await runs.mustBeAsBefore(before);
});

test('what the user may not do is named before anything is done', async () => {
  const binding = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: accountName, namespace: namespaces.mesh },
  };
  const user = await runs.file('user', await kubeconfigOf(theirs.kube, account));
  await remove(theirs.kube, [binding]);
  const before = await runs.snapshot();
  const { exitCode, output } = await runs.conformance(runs.arguments(user, ...named));
  expect(output).toContain("The kubeconfig's user may not do what a run does:");
  expect(output).toContain(`  pods/exec in ${namespaces.mesh}: get, create\n`);
  expect(output).not.toContain(`in ${namespaces.external}:`);
  expect(output).toContain('./conformance rbac');
  expect(exitCode).toBe(3);
  await runs.mustBeAsBefore(before);
});

test('what a killed run left goes with clean, and an interrupted run takes away what it made', async () => {
  const before = await runs.snapshot();
  const killed = runs.start(
    runs.arguments(administrator, '--namespace', 'gone-mesh', '--proxy-namespace', 'gone-proxy'),
  );
  const stopped = runs.start(
    runs.arguments(administrator, '--namespace', 'int-mesh', '--proxy-namespace', 'int-proxy'),
  );
  await Promise.all([mustHaveBegun('gone-proxy'), mustHaveBegun('int-proxy')]);
  // It lives, and is not through before the other is cleaned up.
  stopped.kill('SIGSTOP');
  killed.kill('SIGKILL');
  await killed;
  const { exitCode, output } = await runs.conformance(['clean', '--kubeconfig', administrator]);
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
  await runs.mustBeAsBefore(before);
});

test('from the user’s own pod it is green, whatever else that pod does, and changes nothing of it', async () => {
  const { images } = theirs.images;
  // Its own work, all the time, by settings that are not for the suite's requests; and no line of it is kept.
  const work =
    'while :; do curl --silent --output /dev/null --max-time 1 http://web.shop/secret-work; sleep 0.2; done';
  const env = [{ name: 'https_proxy', value: 'http://192.0.2.1:9' }];
  const command = ['/bin/sh', '-c', work];
  const busy = { image: images.curl.reference, command, env, securityContext: readOnly };
  await apply(theirs.kube, [pod('busy', busy), accessLog()]);
  const login = await runs.file('login.json', JSON.stringify({ auths }));
  const { report, skipped, added, deeds } = await fromPod('busy', 'busy', '--pull-secret', login);
  expect(skipped).toEqual(['CONTROL-7', 'CONTROL-8', 'CONTROL-9']);
  expect(report).not.toContain('secret-work');
  expect(added).toBe(0);
  const ofOthers = notNeeded.filter((one) => !one.startsWith(`${namespaces.mesh}: `));
  expect(unused(deeds, 'shop/busy')).toEqual(
    [...ofOthers, ...notNeededOfMesh, 'shop: pods/ephemeralcontainers patch'].sort(),
  );
});

test('from one without curl, found by its label, it is green by an ephemeral container, which is announced and ended', async () => {
  const { kube, images } = theirs;
  const lean = { image: images.images.squid.reference, command: ['/bin/sleep', 'infinity'] };
  await apply(kube, [pod('lean', lean), accessLog()]);
  const { output, added, deeds } = await fromPod('lean', 'app=lean', '--step', 'MESH-3', '--step', 'CLEAN-3');
  expect(output).toMatch(/an ephemeral container with .* is added to the pod[^]*before-you-begin/);
  expect(added).toBe(1);
  expect(unused(deeds, 'shop/app=lean')).not.toContain('shop: pods/ephemeralcontainers patch');
  const [status] = (await podMustBeReady(kube, 'shop', 'lean')).status?.ephemeralContainerStatuses ?? [];
  expect(status?.state?.terminated?.exitCode).toBe(0);
});

/** A green run from a user's pod, by the rights for it; all else is as before, the pod's ephemeral containers aside. */
async function fromPod(name: string, as: string, ...more: readonly string[]) {
  const { kube } = theirs;
  await podMustBeReady(kube, 'shop', name);
  const client = clientNamed({ client: `shop/${as}` });
  await apply(kube, rbacObjects({ namespaces, system: 'istio-system', client }), undefined, 'administrator');
  await using api = await recordingApi(await kubeconfigOf(kube, account));
  const user = await runs.file('user', api.kubeconfig);
  const [before, pods] = [await runs.snapshot(), await podsOf('shop')];
  const args = runs.arguments(user, ...named, '--client', `shop/${as}`, ...more);
  const { exitCode, output } = await runs.conformance(args);
  expect(output).toContain('Verdict: conformant');
  expect(exitCode).toBe(0);
  await runs.mustBeAsBefore(before);
  const now = await podsOf('shop');
  const { metadata = {}, spec: { ephemeralContainers = [], ...spec } = {} } = now.get(name) ?? {};
  expect(new Map([...now, [name, { metadata, spec }]])).toEqual(pods);
  const { report, steps } = await lastResults();
  expect(steps.find(({ id }) => id === 'MESH-3')?.trips[0]?.client.pod).toBe(`shop/${name}`);
  const skipped = steps.filter(({ status }) => status !== 'passed').map(({ id }) => id);
  return { output, report, skipped, added: ephemeralContainers.length, deeds: api.deeds() };
}

test('from a pod whose requests go round its sidecar it is red; one that cannot be asked is refused', async () => {
  const { kube, images } = theirs;
  const image = images.images.curl.reference;
  const around = { 'traffic.sidecar.istio.io/excludeOutboundPorts': '3128' };
  const sleeping = { image, command: ['/bin/sleep', 'infinity'] };
  await apply(kube, [
    pod('around', sleeping, around),
    pod('outside', sleeping, {}, { 'sidecar.istio.io/inject': 'false' }),
  ]);
  for (const name of ['around', 'outside']) await podMustBeReady(kube, 'shop', name);
  const ask = async (client: string, ...more: readonly string[]): Promise<string> => {
    const args = runs.arguments(administrator, ...named, '--client', client, '--step', 'MESH-3', ...more);
    const { exitCode, output } = await runs.conformance(args);
    return `${output}\nexit code ${exitCode}`;
  };
  expect(await ask('shop/around')).toMatch(
    /✗ MESH-3[^]*NOT_CAPTURED[^]*excludeOutboundPorts=3128[^]*exit code 1$/,
  );
  expect(await ask('shop/nobody')).toMatch(/--client shop\/nobody: there is no such pod[^]*exit code 2$/);
  expect(await ask('shop/outside')).toMatch(/the pod has no sidecar[^]*exit code 2$/);
  expect(await ask('shop/around/other')).toMatch(/the pod has no such container[^]*exit code 2$/);
  expect(await ask('shop/around/istio-proxy')).toMatch(/does not go through the sidecar[^]*exit code 2$/);
});

/** What the pods of a namespace are, by name: the snapshot tells of pods only that they are there. */
async function podsOf(
  namespace: string,
): Promise<Map<string, { readonly metadata: object; readonly spec: Partial<V1PodSpec> }>> {
  const { items } = await theirs.kube.core.listNamespacedPod({ namespace });
  return new Map(
    items.map(({ metadata, spec }) => {
      const { name = '', uid, labels, annotations } = metadata ?? {};
      return [name, { metadata: { uid, labels, annotations }, spec: spec ?? {} }];
    }),
  );
}

/** A user's pod in a namespace of the mesh. */
function pod(
  name: string,
  container: object,
  annotations: Readonly<Record<string, string>> = {},
  labels: Readonly<Record<string, string>> = {},
): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'shop', annotations, labels: { app: name, ...labels } },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'app', imagePullPolicy: 'IfNotPresent', ...container }],
    },
  };
}

const readOnly = {
  readOnlyRootFilesystem: true,
  runAsNonRoot: true,
  runAsUser: 4711,
  allowPrivilegeEscalation: false,
};

/** Their own log: nothing is switched on in a user's namespace. */
function accessLog(): object {
  return {
    apiVersion: 'telemetry.istio.io/v1',
    kind: 'Telemetry',
    metadata: { name: 'theirs', namespace: 'shop' },
    spec: { accessLogging: [{ providers: [{ name: 'envoy' }] }] },
  };
}

async function lastResults(): Promise<ReturnType<typeof results.parse> & { readonly report: string }> {
  const report = await readFile(join(runs.folder, 'reports/latest/results.json'), 'utf8');
  return { ...results.parse(JSON.parse(report)), report };
}

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

/** Likewise where the client is a user's pod. */
const notNeededOfMesh = ['configmaps patch', 'events list', 'pods/log get', 'replicasets.apps list'].map(
  (what) => `${namespaces.mesh}: ${what}`,
);

/** The rights that no request has used: they would not be the least ones. */
function unused(deeds: readonly Deed[], name?: string): string[] {
  const client = name === undefined ? undefined : clientNamed({ client: name });
  const { everywhere, own, system, client: ofClient } = permissionsOf(namespaces, client);
  const granted: readonly (readonly [string, readonly Permission[]])[] = [
    ['', everywhere],
    ...(['mesh', 'external', 'origin'] as const).map((part) => [namespaces[part], own[part]] as const),
    ['istio-system', system],
    [client?.namespace ?? '', ofClient],
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
