import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { removeCluster, dnsMustBeReady, startCluster } from '../../helpers/cluster/k3s.ts';
import type { Cluster } from '../../helpers/cluster/cluster.ts';
import { sweep } from '../../helpers/cluster/sweep.ts';
import { eventually, Hopeless } from '../../helpers/eventually/eventually.ts';
import { accountName, rbacObjects } from '../../helpers/existing/rbac.ts';
import { pairTo } from '../../helpers/gate/rules.ts';
import { chooseSource } from '../../helpers/images/choose.ts';
import { ensureImageSet } from '../../helpers/images/ensure.ts';
import type { ImageSet } from '../../helpers/images/roles.ts';
import { resolveVersions } from '../../helpers/images/versions.ts';
import { istio, namespace, serviceEntry, type ManifestObject } from '../../faults/objects.ts';
import { clientNamed } from '../../helpers/existing/client-name.ts';
import { injectionLabels, revisionOf } from '../../helpers/istio/revision.ts';
import { apply, labelNamespace, remove } from '../../helpers/kube/apply.ts';
import { deploymentMustBeReady, livePods, restartDeployment } from '../../helpers/kube/workloads.ts';
import { connect, type Kube } from '../../helpers/kube/client.ts';
import { silent } from '../../helpers/progress/progress.ts';
import { credentialVariables, secretForms } from '../../helpers/proxy/credentials.ts';
import { results } from '../../helpers/results/results.ts';
import { newRunId } from '../../helpers/session/session.ts';
import { deployment } from '../support/foreign-cluster.ts';
import { ForeignRuns, type Start } from '../support/foreign-runs.ts';
import { chartsOf, helmHere, valuesFor, type Helm } from '../support/helm.ts';
import { ownPassword, ownProxy, ownUser } from '../support/own-proxy.ts';
import { recordingApi } from '../support/recording-api.ts';
import { kubeconfigOf } from '../support/service-account.ts';
import { keys } from '../support/terminal.ts';

/** An existing cluster, whose Istio Helm has installed and upgrades: each test begins with the old version. */
const examples = fileURLToPath(new URL('../../examples/upgrade', import.meta.url));
const system = 'istio-system';
const helm3 = helmHere(3);
const helm4 = helmHere(4);

let cluster: Cluster;
let kube: Kube;
let runs: ForeignRuns;
let sets: readonly [ImageSet, ImageSet];
let from: string;
let to: string;
let administrator: string;
/** For the examples' scripts: charts and values of the new version. */
let newVersion: Record<string, string>;

beforeAll(async () => {
  await sweep();
  const pair = pairTo(resolveVersions({}).istio, 'source');
  const { kubernetes } = pair;
  ({ from, to } = pair);
  const { because: _because, ...origin } = await chooseSource('source', [{ istio: from, kubernetes }]);
  const set = (istio: string): Promise<ImageSet> => ensureImageSet({ ...origin, istio, kubernetes }, silent);
  sets = [await set(from), await set(to)];
  cluster = await startCluster({
    ...{ runId: newRunId(), images: sets[0], others: [sets[1]], keep: false, reuse: false },
    ...{ injection: 'auto', beforeRemoval: () => Promise.resolve() },
    ...{ report: () => undefined, note: () => undefined },
  });
  kube = connect(cluster.kubeconfig);
  await dnsMustBeReady(kube);
  runs = await ForeignRuns.in({ kube, images: sets[0] });
  administrator = await runs.file('administrator', cluster.kubeconfig);
  const charts = await chartsOf(to);
  newVersion = {
    ISTIO_VERSION: to,
    ISTIO_BASE: charts.base,
    ISTIO_ISTIOD: charts.istiod,
    ISTIO_VALUES: await runs.file('new.yaml', stringify(valuesFor(sets[1]))),
  };
  await oldVersion();
});

afterAll(async () => {
  await removeCluster(cluster);
  await runs[Symbol.asyncDispose]();
});

/** The old version, in place of whatever is there. */
async function oldVersion(): Promise<void> {
  const charts = await chartsOf(from);
  const values = await runs.file('old.yaml', stringify(valuesFor(sets[0])));
  const always = ['--namespace', system, '--create-namespace', '--install', '--wait'];
  await helm3.run(administrator, 'upgrade', 'istio-base', charts.base, ...always);
  await helm3.run(
    administrator,
    ...['upgrade', 'istiod', charts.istiod, ...always, '--reset-values', '--values', values],
  );
}

interface GateStart extends Start {
  readonly by: Helm;
  readonly kubeconfig?: string;
}

function gate({ by, kubeconfig = administrator, ...start }: GateStart, ...args: readonly string[]) {
  return runs.start(['gate', '--kubeconfig', kubeconfig, ...runs.imageFlags(), ...args], {
    ...start,
    env: { ...start.env, ...newVersion, HELM: by.path },
  });
}

/** As a pipeline, or a person at another terminal. */
async function upgradeBy({ path }: Helm, example: string): Promise<void> {
  await execa(join(examples, example), { env: { ...newVersion, HELM: path, KUBECONFIG: administrator } });
}

async function lastResults() {
  return results.parse(JSON.parse(await readFile(join(runs.folder, 'reports/latest/results.json'), 'utf8')));
}

/** Files of a folder that hold this text. */
async function filesWith(text: string, folder: string): Promise<string[]> {
  const { stdout } = await execa('grep', ['-rlF', '-e', text, folder], { reject: false });
  return stdout === '' ? [] : stdout.split('\n');
}

/** A workload of theirs in the mesh, that a gate is to judge the document from. */
async function theirShop() {
  const objects = [
    namespace('shop', { 'istio-injection': 'enabled' }),
    deployment('shop', 'web', sets[0].images.curl.reference),
  ];
  await apply(kube, objects, undefined, 'administrator');
  await deploymentMustBeReady(kube, 'shop', 'web');
  return {
    client: 'shop/deployment/web',
    [Symbol.asyncDispose]: () => remove(kube, [namespace('shop')]),
  };
}

/** A command that says its name, and ends once this test has done its part. */
function hands(name: string) {
  const done = join(runs.folder, name);
  return {
    command: `echo ${name} && until [ -e ${done} ]; do sleep 0.2; done`,
    [Symbol.asyncDispose]: () => rm(done, { force: true }),
    do: async (running: ReturnType<typeof gate>, work: () => Promise<unknown>) => {
      await mustSay(running, `| ${name}`);
      await work();
      await writeFile(done, '');
    },
  };
}

/** Waits until a gate has come this far. */
async function mustSay({ all }: ReturnType<typeof gate>, text: string): Promise<void> {
  let seen = '';
  let ended = false;
  all.on('data', (data: Buffer) => {
    seen += data.toString();
  });
  all.on('end', () => {
    ended = true;
  });
  await eventually(
    `the gate to say ${text}`,
    () => {
      if (seen.includes(text)) return;
      throw new (ended ? Hopeless : Error)(`last: ${seen.slice(ended ? -4000 : -200)}`);
    },
    { timeoutMs: 400_000 },
  );
}

test('a command that fails half-way: red, its words shown, the mesh described and left, the rest as before', async () => {
  const before = await runs.snapshot(true);
  const half = `"$HELM" upgrade istio-base "$ISTIO_BASE" -n ${system} >base.log && echo 'chart istiod not found' >&2 && exit 3`;
  const { exitCode, all } = await gate({ by: helm3 }, '--upgrade-command', half);
  expect(exitCode, all).toBe(1);
  expect(all).toContain('exit code 3: chart istiod not found');
  expect(all).toMatch(/istiod-\S+: revision default, \S+pilot\S+, ready, injects istio-injection=enabled/);
  const { steps, gate: known } = await lastResults();
  expect(steps.find(({ status }) => status === 'failed')).toMatchObject({
    id: 'UPGRADE-1',
    evidence: 'evidence/upgrade-UPGRADE-1',
    findings: [{ cause: 'UPGRADE_FAILED' }],
  });
  expect(known).toMatchObject({ from, strategy: 'unknown' });
  await runs.mustBeAsBefore(before, true);
});

test('Ctrl-C in the middle: the command gets it once, and what the run made goes', async () => {
  const before = await runs.snapshot(true);
  const waits = `trap 'echo told to end; exit 9' INT; echo begun; sleep 600`;
  const running = gate({ by: helm3, attended: true }, '--upgrade-command', waits);
  await mustSay(running, '| begun');
  running.stdin?.write(keys.interrupt);
  const { exitCode, all } = await running;
  expect(exitCode, all).toBe(130);
  expect(all.match(/^ +\| told to end\r?$/gm)).toHaveLength(1);
  const { verdict, gate: known } = await lastResults();
  expect(verdict).toBe('interrupted');
  expect(known?.mesh.join('\n')).toMatch(/revision default, \S+, ready/);
  await runs.mustBeAsBefore(before, true);
});

test('Helm 4, a canary that is taken back: found, judged, and the document holds again', async () => {
  const before = await runs.snapshot(true);
  const { exitCode, all } = await gate(
    { by: helm4 },
    ...['--upgrade-command', join(examples, 'helm-canary')],
    ...['--rollback-command', join(examples, 'helm-canary-back')],
  );
  expect(exitCode, all).toBe(0);
  expect((await lastResults()).gate).toMatchObject({ from, to, strategy: 'canary', rollback: true });
  await runs.mustBeAsBefore(before, true);
});

test('Helm 3, a canary, by a user with the least rights, judged from their workload as well: it goes over, and all else is as before', async () => {
  const namespaces = {
    mesh: 'conformance-mesh',
    external: 'conformance-external',
    origin: 'conformance-external-origin',
  };
  const before = await runs.snapshot(true);
  await using shop = await theirShop();
  const rights = rbacObjects({ namespaces, system, gate: true, client: clientNamed(shop) });
  await apply(kube, rights, undefined, 'administrator');
  await using api = await recordingApi(
    await kubeconfigOf(kube, { namespace: namespaces.external, name: accountName }),
  );
  const web = async (): Promise<string> =>
    (await livePods(kube, 'shop', 'app=web')).map(({ metadata }) => metadata?.name ?? '').join();
  const old = await web();
  await using restart = hands('restarting');
  const running = gate(
    { by: helm3, kubeconfig: await runs.file('user', api.kubeconfig) },
    ...['--client', shop.client],
    // What the command may do is another's.
    ...['--upgrade-command', `KUBECONFIG=${administrator} ${join(examples, 'helm-canary')}`],
    ...[
      '--restart-command',
      `echo "from $GATE_FROM to $GATE_TO, not $GATE_NAMESPACES" && ${restart.command}`,
    ],
  );
  await restart.do(running, async () => {
    expect(await web()).toBe(old);
    await labelNamespace(kube, 'shop', injectionLabels(revisionOf(to)));
    await restartDeployment(kube, 'shop', 'web');
  });
  const { exitCode, all } = await running;
  expect(exitCode, all).toBe(0);
  const asked = (await lastResults()).steps.filter(({ id }) => id === 'CLIENT-1' || id === 'MESH-3');
  const by = (phase: string): unknown[] => asked.filter((step) => step.phase === phase);
  for (const phase of ['client-before', 'client-after']) {
    expect(by(phase), phase).toMatchObject([
      { facts: { 'istio-proxy': expect.stringContaining(from) as string } },
      { trips: [{ client: { pod: `shop/${old}` } }] },
    ]);
  }
  expect(by('client-at-the-end')).toMatchObject([
    { facts: { 'istio-proxy': to, 'in place of': old } },
    { trips: [{ client: { pod: `shop/${await web()}` } }] },
  ]);
  expect(all).toContain('istio.io/rev=');
  expect(all).toContain(`| from ${from} to ${to}, not ${Object.values(namespaces).join(' ')}`);
  expect((await lastResults()).gate).toMatchObject({ from, to, strategy: 'canary' });
  expect(api.deeds()).toContainEqual(
    expect.objectContaining({ resource: 'pods/exec', verb: 'create', namespace: system }),
  );
  await remove(kube, rights);
  await shop[Symbol.asyncDispose]();
  await runs.mustBeAsBefore(before, true);
  // It is there now: a wait for it would end at once, with nothing to judge.
  const late = await gate({ by: helm3 }, '--wait-for', to);
  expect(late.exitCode, late.all).toBe(2);
  expect(late.all).toMatch(/revision \S+ of \S+ is there already \(istiod-\S+\)/);
  await upgradeBy(helm3, 'helm-canary-back');
});

/** A proxy outside, to which the company's own ServiceEntry leads; and the flags and variables of a gate through it. */
async function companyProxy() {
  const proxy = await ownProxy(sets[0].images.squid.reference, cluster.runId);
  const { url, title, ca } = proxy.site;
  const name = 'company';
  const entry = ({ called = 'proxy', protocol = 'TCP', addresses = [proxy.ip] } = {}): ManifestObject =>
    serviceEntry(name, called, {
      hosts: ['proxy.company.test'],
      addresses,
      ports: [{ number: proxy.port, name: 'tcp', protocol }],
      resolution: 'NONE',
    });
  await apply(kube, [namespace(name), entry()], undefined, 'administrator');
  return {
    ip: proxy.ip,
    entry,
    env: { [credentialVariables.user]: ownUser, [credentialVariables.password]: ownPassword },
    flags: [
      ...['--proxy', `${proxy.ip}:${proxy.port}`, '--proxy-log', proxy.log, '--entry', `${name}/proxy`],
      ...['--destination', url, '--expect-title', title],
      ...['--destination-ca', await runs.file('ca.pem', ca)],
    ],
    [Symbol.asyncDispose]: async () => {
      await remove(kube, [namespace(name)]);
      await proxy[Symbol.asyncDispose]();
    },
  };
}

test('Helm 4, a canary, through a proxy outside, by the company’s own entry, from their workload as well', async () => {
  await using company = await companyProxy();
  await using shop = await theirShop();
  const before = await runs.snapshot(true);
  const upgrade = ['--upgrade-command', join(examples, 'helm-canary')];
  const flags = [...company.flags, '--client', shop.client];
  const { exitCode, all } = await gate({ by: helm4, env: company.env }, ...upgrade, ...flags);
  expect(exitCode, all).toBe(0);
  const { gate: known, steps } = await lastResults();
  expect(known).toMatchObject({ from, to, strategy: 'canary', trafficRate: 1 });
  const judged = steps.filter(({ id, phase }) => id === 'MESH-1' && phase?.startsWith('client-') === true);
  expect(judged.map(({ facts }) => facts['entry'])).toEqual(
    Array.from({ length: 3 }, () => expect.stringContaining('ServiceEntry company/proxy') as string),
  );
  await runs.mustBeAsBefore(before, true);
  await upgradeBy(helm4, 'helm-canary-back');
});

test('the same, and the new revision shows entries to their own namespaces alone: red with fresh sidecars', async () => {
  await using company = await companyProxy();
  const values = valuesFor(sets[1]);
  const hiding = { ...values, meshConfig: { ...values.meshConfig, defaultServiceExportTo: ['.'] } };
  const file = await runs.file('hiding.yaml', stringify(hiding));
  const { exitCode, all } = await gate(
    { by: helm4, env: company.env },
    ...['--upgrade-command', `ISTIO_VALUES=${file} ${join(examples, 'helm-canary')}`, ...company.flags],
  );
  expect(exitCode, all).toBe(1);
  expect((await lastResults()).steps.find(({ status }) => status === 'failed')).toMatchObject({
    ...{ phase: 'document-fresh-proxy', id: 'MESH-1' },
    findings: [
      {
        cause: 'SERVICE_ENTRY_EXPORT',
        seen: `ServiceEntry company/proxy, exportTo: none, and meshConfig.defaultServiceExportTo of revision ${revisionOf(to)} is ["."]`,
      },
      { cause: 'LISTENER_MISSING' },
    ],
  });
  await upgradeBy(helm4, 'helm-canary-back');
});

test('the same, and the release renames the company’s entry and has it lead elsewhere too: it is followed, and may go out', async () => {
  await using company = await companyProxy();
  await using release = hands('releasing');
  const { ip, entry } = company;
  const running = gate(
    { by: helm4, env: company.env },
    ...['--upgrade-command', `${join(examples, 'helm-canary')} && ${release.command}`],
    ...[...company.flags, '--entry', 'auto'],
  );
  await release.do(running, async () => {
    const renamed = entry({ called: 'proxies', addresses: [ip, '192.0.2.77'] });
    await apply(kube, [renamed], undefined, 'administrator');
    await remove(kube, [entry()]);
  });
  const { exitCode, all } = await running;
  expect(exitCode, all).toBe(0);
  const judged = (await lastResults()).steps.filter(({ id }) => id === 'MESH-1').map(({ facts }) => facts);
  expect(judged[0]?.['entry']).toContain('ServiceEntry company/proxy,');
  const followed = {
    entry: expect.stringContaining('ServiceEntry company/proxies,') as string,
    'before the upgrade': `ServiceEntry company/proxy led to ${ip}`,
  };
  expect(judged.slice(1)).toMatchObject([followed, followed, followed]);
  await upgradeBy(helm4, 'helm-canary-back');
});

test.each([
  {
    what: 'makes the company’s entry TLS, with which requests arrive all the same',
    protocol: 'TLS',
    cause: 'SERVICE_ENTRY_PROTOCOL',
    seen: /^ServiceEntry company\/proxy, protocol of port \d+: TLS; before the upgrade: TCP$/,
  },
  {
    what: 'takes the company’s entry away, without which requests pass through',
    cause: 'SERVICE_ENTRY_MISSING',
    seen: /^ServiceEntry company\/proxy, which led to [\d.]+ before the upgrade, is gone; .*PassthroughCluster/,
  },
])('the same, and the release $what: red by what the entry says then', async ({ protocol, cause, seen }) => {
  await using company = await companyProxy();
  await using release = hands('releasing');
  const running = gate(
    { by: helm4, env: company.env },
    ...['--upgrade-command', `${join(examples, 'helm-canary')} && ${release.command}`],
    ...[...company.flags, '--fail-fast'],
  );
  await release.do(running, () =>
    protocol === undefined
      ? remove(kube, [company.entry()])
      : apply(kube, [company.entry({ protocol })], undefined, 'administrator'),
  );
  const { exitCode, all } = await running;
  expect(exitCode, all).toBe(1);
  expect((await lastResults()).steps.filter(({ status }) => status === 'failed')).toMatchObject([
    {
      ...{ phase: 'document-old-proxy', id: 'MESH-1' },
      findings: [{ cause, seen: expect.stringMatching(seen) as string }],
    },
  ]);
  await upgradeBy(helm4, 'helm-canary-back');
});

test('a canary whose pipeline narrows what one namespace sees: red from the workload there, by the old sidecar', async () => {
  await using shop = await theirShop();
  await using narrow = hands('narrowing');
  const running = gate(
    { by: helm3 },
    ...['--client', shop.client, '--fail-fast'],
    ...['--upgrade-command', `${join(examples, 'helm-canary')} && ${narrow.command}`],
  );
  await narrow.do(running, () =>
    apply(
      kube,
      [istio('networking', 'Sidecar', 'shop', 'narrow', { egress: [{ hosts: ['./*'] }] })],
      undefined,
      'administrator',
    ),
  );
  const { exitCode, all } = await running;
  expect(exitCode, all).toBe(1);
  expect((await lastResults()).steps.filter(({ status }) => status === 'failed')).toMatchObject([
    {
      ...{ phase: 'client-after', id: 'MESH-1' },
      findings: [{ cause: 'SIDECAR_RESOURCE', seen: 'Sidecar shop/narrow' }, { cause: 'LISTENER_MISSING' }],
    },
  ]);
  await upgradeBy(helm3, 'helm-canary-back');
});

test('Helm 4, in place, by a pipeline: --wait-for finds it', async () => {
  const before = await runs.snapshot(true);
  const running = gate({ by: helm4 }, '--wait-for', to);
  await mustSay(running, `waiting until an istiod of ${to}`);
  await upgradeBy(helm4, 'helm-in-place');
  const { exitCode, all } = await running;
  expect(exitCode, all).toBe(0);
  expect((await lastResults()).gate).toMatchObject({ from, to, strategy: 'in-place' });
  await runs.mustBeAsBefore(before, true);
});

test('Helm 3, in place, by hand, through a proxy outside: the gate waits at the terminal for Enter, and keeps the password', async () => {
  await oldVersion();
  await using proxy = await ownProxy(sets[0].images.squid.reference, cluster.runId);
  const { url, title, ca } = proxy.site;
  const before = await runs.snapshot(true);
  const running = gate(
    {
      ...{ by: helm3, attended: true },
      env: { [credentialVariables.user]: ownUser, [credentialVariables.password]: ownPassword },
    },
    ...['--proxy', `${proxy.ip}:${proxy.port}`, '--proxy-log', proxy.log],
    ...['--destination', url, '--expect-title', title, '--destination-ca', await runs.file('ca.pem', ca)],
    ...['--traffic-rate', '2'],
  );
  await mustSay(running, 'Then press Enter');
  await upgradeBy(helm3, 'helm-in-place');
  running.stdin?.write(keys.enter);
  const { exitCode, all } = await running;
  expect(exitCode, all).toBe(0);
  const { gate: known } = await lastResults();
  expect(known).toMatchObject({ from, to, strategy: 'in-place', trafficRate: 2 });
  // The server ends tunnels as it says; nobody cuts them, and the proxy's log is not asked about them.
  const kept = known?.traffic?.clients.find((one) => one.workload === 'kept' && one.kind === 'tunnels');
  expect(kept?.opened).toBeGreaterThan(4);
  expect(known?.traffic?.sums.proxy).toBeUndefined();
  for (const secret of secretForms({ user: ownUser, password: ownPassword })) {
    expect(await filesWith(secret, join(runs.folder, 'reports'))).toEqual([]);
    expect(all).not.toContain(secret);
  }
  await runs.mustBeAsBefore(before, true);
});
