import { once } from 'node:events';
import { access, readFile, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { defaultEdition } from '../../fixtures/document/editions.ts';
import { z } from 'zod';
import { sweep } from '../../helpers/cluster/sweep.ts';
import { dockerode } from '../../helpers/engine.ts';
import { apply, find, remove } from '../../helpers/kube/apply.ts';
import { results } from '../../helpers/results/results.ts';
import { makeRunFolder, removeRunFolder, sweepRunFolders } from '../../helpers/session/folder.ts';
import { newRunId } from '../../helpers/session/session.ts';
import { readBundle } from '../support/bundle.ts';
import { runCheckout, startOf } from '../../faults/checkout.ts';
import { nameInTheCluster } from '../support/cluster-names.ts';
import { foreignCluster, foreignTag, type ForeignCluster } from '../support/foreign-cluster.ts';
import { bridgeAddress, ownPassword, ownProxy, ownUser, type OwnProxy } from '../support/own-proxy.ts';
import { podProxy } from '../support/pod-proxy.ts';
import { ProcessList } from '../support/process-list.ts';
import { credentialVariables, secretForms, type Credentials } from '../../helpers/proxy/credentials.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const suite = startOf(root);
const [node, ...main] = suite.command;
/** Resolved by the cluster's DNS alone. */
const proxyName = 'proxy.corp.conformance.test';

const own: Credentials = { user: ownUser, password: ownPassword };
const mistaken: Credentials = { user: ownUser, password: 'a-wrong-password' };

const folderId = newRunId();
let folder: string;
let theirs: ForeignCluster;
let proxy: OwnProxy;
let kubeconfig: string;
/** Two of this machine's addresses, as the cluster reaches them. */
let ips: readonly string[];

beforeAll(async () => {
  folder = await realpath(await makeRunFolder(folderId));
  theirs = await foreignCluster();
  const { cluster, images } = theirs;
  kubeconfig = join(folder, 'kubeconfig');
  await writeFile(kubeconfig, cluster.kubeconfig, { mode: 0o600 });
  proxy = await ownProxy(images.images.squid.reference, cluster.runId);
  await writeFile(join(folder, 'ca.pem'), proxy.site.ca);
  ips = [proxy.ip, bridgeAddress((await (await dockerode()).getNetwork(cluster.network).inspect()).Id)];
  await nameInTheCluster(theirs.kube, proxyName, ips);
});

afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await theirs[Symbol.asyncDispose]();
  await removeRunFolder(folderId);
});

interface Ended {
  readonly exitCode: number | undefined;
  readonly output: string;
  readonly report: z.infer<typeof results>;
}

/** What the first finding of a red run saw; the terminal wraps it. */
function seenIn({ report }: Ended): string | undefined {
  return report.steps.find(({ status }) => status === 'failed')?.findings[0]?.seen;
}

interface Asked {
  readonly args: readonly string[];
  /** Undefined: none are given. */
  readonly credentials?: Credentials | undefined;
}

function environmentOf(credentials: Credentials | undefined): Record<string, string> {
  if (credentials === undefined) return {};
  const { user, password } = credentials;
  return { [credentialVariables.user]: user, [credentialVariables.password]: password };
}

/** Of every run here: the images, and the page behind the proxy. */
function basics(): string[] {
  const { url, title } = proxy.site;
  const page = ['--destination', url, '--expect-title', title, '--destination-ca', join(folder, 'ca.pem')];
  return ['--images', theirs.images.source, ...page];
}

function start({ args, credentials }: Asked) {
  return execa(node, [...main, 'run', ...basics(), ...args], {
    cwd: folder,
    extendEnv: false,
    env: { ...suite.env, ...environmentOf(credentials) },
    all: true,
    reject: false,
    stdin: 'ignore',
    // It removes what it made first.
    forceKillAfterDelay: 60_000,
    timeout: 200_000,
  });
}

async function conformance(asked: Asked): Promise<Ended> {
  const { exitCode, all } = await start(asked);
  return { exitCode, output: all, report: await latest(all) };
}

async function latest(output: string): Promise<z.infer<typeof results>> {
  const text = await readFile(join(folder, 'reports/latest/results.json'), 'utf8').catch(() => {
    throw new Error(`no report: ${output}`);
  });
  return results.parse(JSON.parse(text));
}

const there = (): string[] => ['--kubeconfig', kubeconfig, '--revision', foreignTag];
const toldBy = (told: readonly string[]): string => told.map((ip) => `${ip}:${proxy.port}`).join(',');

/** The command itself, and the compiler that its loader starts before it. */
function isGiven(command: string): boolean {
  return command.includes(join(root, 'cli/main.ts')) || /\/esbuild .*--service=/.test(command);
}

test('with its log it is green by name and password, which nobody sees', async () => {
  const args = [...there(), '--proxy', toldBy([proxy.ip]), '--proxy-log', proxy.log];
  const running = start({ args, credentials: own });
  const list = new ProcessList(secretForms(own), 'curl', isGiven);
  const { exitCode, all } = await running;
  await list[Symbol.asyncDispose]();
  expect(all).toContain('Verdict: conformant');
  expect(exitCode).toBe(0);
  const { proxy: told, steps } = await latest(all);
  expect(told).toEqual({ address: toldBy([proxy.ip]), credentials: true, statement: proxy.log });
  const passed = steps.filter(({ status }) => status === 'passed').map(({ id }) => id);
  expect(passed).toEqual(expect.arrayContaining(['REACH-1', 'REACH-2', 'REACH-3', 'REACH-4', 'MESH-4']));
  expect(passed).not.toContain('PROXY-4');
  const line = steps.find(({ id }) => id === 'MESH-4')?.trips[0]?.proxy?.[0]?.line;
  expect(line).toMatch(/ TCP_TUNNEL\/200 \d+ CONNECT intranet\.conformance\.test:\d+ \[user\] HIER_DIRECT\//);
  // It was looked at while curl ran, so that nothing found means something.
  expect(list.seen.size).toBeGreaterThan(0);
  expect(list.rounds).toBeGreaterThan(20);
  expect([...list.found]).toEqual([]);
});

test('by several addresses, and without its log, whose statement is then not available', async () => {
  const told = toldBy(ips);
  const { exitCode, output, report } = await conformance({
    args: [...there(), '--proxy', told],
    credentials: own,
  });
  expect(output).toContain(`proxy: ${told}, yours, with credentials; its statement: not available`);
  expect(output).toMatch(/^ {2}- MESH-4 .*not available: the log of .* is not followed \(--proxy-log\)$/m);
  expect(output).toMatch(/^ {2}✓ MESH-5 /m);
  expect(output).toMatch(/^Not available: the statement of your proxy/m);
  expect(output).toMatch(/^Verdict: conformant \(\d+ passed, 0 failed, 3 skipped/m);
  expect(exitCode).toBe(0);
  expect(report.proxy?.statement).toBe('not available');
  const judged = report.steps.filter(({ id }) => ['REACH-2', 'REACH-4', 'MESH-4'].includes(id));
  expect(judged.map(({ status }) => status)).toEqual(['skipped', 'skipped', 'skipped']);
  const page = await readFile(join(folder, 'reports/latest/report/index.html'), 'utf8');
  expect(page).toContain('<strong>not available</strong>');
});

test('by a name that the cluster resolves', async () => {
  const told = `${proxyName}:${proxy.port}`;
  const { exitCode, output, report } = await conformance({
    args: [...there(), '--proxy', told, '--proxy-log', proxy.log],
    credentials: own,
  });
  expect(output).toContain('Verdict: conformant');
  expect(exitCode).toBe(0);
  const { client, sidecar } = report.steps.find(({ id }) => id === 'MESH-3')?.trips[0] ?? {};
  expect(client?.command).toContain(`HTTPS_PROXY=${told} curl`);
  expect(sidecar?.[0]?.line).toContain(` outbound|${proxy.port}||${proxyName} `);
});

test('in a cluster that the run starts it is reached by the node’s own address', async () => {
  const { exitCode, output, report } = await conformance({
    args: ['--proxy', toldBy([proxy.ip]), '--proxy-log', proxy.log],
    credentials: own,
  });
  expect(output).toContain('Verdict: conformant');
  expect(exitCode).toBe(0);
  const baseline = report.steps.find(({ id }) => id === 'REACH-4');
  expect(baseline?.facts['seen from']).toMatch(/, not the pod \(.*\): translated on the way$/);
  expect(report.steps.find(({ id }) => id === 'MESH-4')?.trips[0]?.proxy).toHaveLength(1);
  // Nothing of Squid was deployed, nor begun ahead.
  expect(report.steps.map(({ id }) => id)).not.toContain('PROXY-4');
});

test('a proxy in a pod, whose log is its output, or a file in it', async () => {
  const { images } = theirs.images;
  const site = { host: proxy.site.host, ip: proxy.ip };
  const pod = await podProxy(theirs.kube, images.squid.reference, site);
  for (const [log, step] of [
    [pod.output, 'MESH-4'],
    [pod.file, 'REACH-4'],
  ] as const) {
    const args = [...there(), '--step', step, '--proxy', pod.address, '--proxy-log', log];
    const { exitCode, output, report } = await conformance({ args });
    expect(output).toContain(`proxy: ${pod.address}, yours, without credentials; its statement: ${log}`);
    expect(exitCode).toBe(0);
    const [line] = report.steps.find(({ id }) => id === step)?.trips[0]?.proxy ?? [];
    expect(line?.line).toMatch(
      / TCP_TUNNEL\/200 \d+ CONNECT intranet\.conformance\.test:\d+ - HIER_DIRECT\//,
    );
  }
});

test('the entry that the mesh has is judged as it is, and nothing of it is changed', async () => {
  const entry = (protocol: string): object => ({
    apiVersion: 'networking.istio.io/v1',
    kind: 'ServiceEntry',
    // Its Istio does not look at other namespaces.
    metadata: { name: 'corp-proxy', namespace: 'shop' },
    spec: {
      hosts: ['proxy.corp.example'],
      addresses: [`${proxy.ip}/32`],
      ports: [{ number: proxy.port, name: 'proxy', protocol }],
      location: 'MESH_EXTERNAL',
      resolution: 'NONE',
    },
  });
  const args = [...there(), '--proxy', toldBy([proxy.ip]), '--proxy-log', proxy.log];
  await apply(theirs.kube, [entry('TCP')]);
  const stored = await find(theirs.kube, entry('TCP'));
  const green = await conformance({ args, credentials: own });
  expect(green.output).toContain('Verdict: conformant');
  expect(green.exitCode).toBe(0);
  const facts = (id: string) => green.report.steps.find((step) => step.id === id)?.facts ?? {};
  expect(facts('MESH-1')['entry']).toContain('ServiceEntry shop/corp-proxy');
  expect(facts('CONTROL-1')['without the entry']).toMatch(/^goes to PassthroughCluster: /);
  const line = green.report.steps.find(({ id }) => id === 'MESH-3')?.trips[0]?.sidecar?.[0]?.line;
  expect(line).toContain(` outbound|${proxy.port}||proxy.corp.example `);
  expect(await find(theirs.kube, entry('TCP'))).toEqual(stored);

  await apply(theirs.kube, [entry('HTTP')]);
  const red = await conformance({ args: [...args, '--step', 'MESH-4'], credentials: own });
  expect(red.exitCode).toBe(1);
  expect(red.report.steps.find(({ status }) => status === 'failed')).toMatchObject({
    id: 'MESH-1',
    findings: [{ cause: 'SERVICE_ENTRY_PROTOCOL' }],
  });
  expect(seenIn(red)).toContain('ServiceEntry shop/corp-proxy');
  await remove(theirs.kube, [entry('HTTP')]);

  const none = await start({ args: [...args, '--entry', 'shop/corp-proxy'], credentials: own });
  expect(none.all).toContain('--entry shop/corp-proxy: the mesh has no such ServiceEntry');
  expect(none.exitCode).toBe(2);
});

test('a red verdict on the mesh has no password in its evidence', async () => {
  await using run = await runCheckout({
    args: ['run', ...basics(), ...there(), '--step', 'MESH-4', '--proxy', toldBy([proxy.ip])].concat(
      '--proxy-log',
      proxy.log,
    ),
    env: environmentOf(own),
    edits: {
      [`fixtures/document/${defaultEdition}/service-entry.yaml`]: (text) =>
        text.replace('protocol: TCP', 'protocol: HTTP'),
      // So that the request itself, with the credentials, meets a sidecar that reads HTTP.
      'suites/document/3-configure-traffic.ts': (text) =>
        text.replace(/^ *await (?:serviceEntryMustBeTheDocuments|sidecarMustTunnel)\(world\);\n/gm, ''),
    },
  });
  expect(run.stdout).toMatch(/^Verdict: not conformant /m);
  expect(run.exitCode).toBe(1);
  expect(run.results?.steps.find(({ status }) => status === 'failed')).toMatchObject({ id: 'MESH-2' });
  const bundle = await readBundle(join(run.reportFolder, 'evidence/MESH-2'));
  // What the sidecar and the client said is in it, so that nothing found means something.
  const files = [...bundle.keys()];
  expect(files).toEqual(expect.arrayContaining([expect.stringMatching(/^envoy\/.*\/config_dump\.json$/)]));
  const all = await readBundle(run.reportFolder);
  for (const text of [...all.values(), run.stdout, run.stderr]) {
    for (const form of [...secretForms(own), ownUser]) expect(text).not.toContain(form);
  }
});

test('what a killed process had of it is swept', async () => {
  const { images } = theirs.images;
  const program = `
    import { ownProxy } from ${JSON.stringify(new URL('../support/own-proxy.ts', import.meta.url).href)};
    const { container, log } = await ownProxy(${JSON.stringify(images.squid.reference)}, 'killed');
    console.log(JSON.stringify({ container, log }));
    setInterval(() => undefined, 60_000);`;
  const child = execa(node, ['--input-type=module', '--eval', program], {
    extendEnv: false,
    env: suite.env,
    reject: false,
    timeout: 60_000,
    killSignal: 'SIGKILL',
  });
  const ended = child.then(({ stderr }) => {
    throw new Error(`It ended: ${stderr}`);
  });
  const [told] = z
    .tuple([z.instanceof(Buffer)])
    .parse(await Promise.race([once(child.stdout, 'data'), ended]));
  child.kill('SIGKILL');
  await expect(ended).rejects.toThrow('It ended');
  const { container, log } = z
    .object({ container: z.string(), log: z.string() })
    .parse(JSON.parse(told.toString()));
  await access(log);
  await sweep();
  await sweepRunFolders();
  await expect(access(log)).rejects.toThrow('ENOENT');
  await expect((await dockerode()).getContainer(container).inspect()).rejects.toThrow(/no such container/i);
  // Those of the living stay.
  await access(proxy.log);
});

test('what is wrong with it is named, and is not Istio’s', async () => {
  const log = ['--proxy-log', proxy.log];
  const one = [...there(), '--step', 'REACH-3'];
  const wrong = await conformance({
    args: [...one, ...log, '--proxy', toldBy([proxy.ip])],
    credentials: mistaken,
  });
  expect(wrong.output).toContain('YOUR_PROXY_CREDENTIALS: Your proxy does not accept the credentials');
  expect(seenIn(wrong)).toContain('the credentials that were given are not taken');
  expect(seenIn(wrong)).toContain('it asks for Basic realm="conformance test"');
  expect(wrong.report).toMatchObject({ verdict: 'environment', cause: 'YOUR_PROXY_CREDENTIALS' });
  expect(wrong.exitCode).toBe(3);

  const nobody = await conformance({
    args: [...one, '--proxy', 'no-such.conformance.test:3128'],
    credentials: own,
  });
  expect(nobody.output).toContain('YOUR_PROXY_UNRESOLVED');
  expect(nobody.exitCode).toBe(3);

  await (await dockerode()).getContainer(proxy.container).stop({ t: 0 });
  const down = await conformance({
    args: [...one, ...log, '--proxy', toldBy([proxy.ip])],
    credentials: own,
  });
  expect(down.output).toContain('YOUR_PROXY_UNREACHABLE: Your proxy cannot be reached from the cluster');
  expect(down.report).toMatchObject({ verdict: 'environment', cause: 'YOUR_PROXY_UNREACHABLE' });
  expect(down.exitCode).toBe(3);
  for (const { output, report } of [wrong, nobody, down]) {
    expect(output).not.toMatch(/^ {4}at /m);
    expect(report.steps.find(({ status }) => status === 'failed')?.evidence).not.toBe('');
  }
});

test('no run wrote the password anywhere, evidence of red ones included', async () => {
  const written = [...(await readBundle(join(folder, 'reports'))).values()].join('\n');
  expect(written.includes('YOUR_PROXY_UNREACHABLE')).toBe(true);
  const forms = [...secretForms(own), ...secretForms(mistaken)];
  for (const form of forms) expect(written.includes(form)).toBe(false);
  expect(written.includes(ownUser)).toBe(false);
});
