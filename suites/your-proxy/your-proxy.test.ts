import { mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { KubernetesObject, V1ConfigMap } from '@kubernetes/client-node';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { z } from 'zod';
import { dockerode } from '../../helpers/images/engine.ts';
import { apply } from '../../helpers/kube/apply.ts';
import { deploymentMustBeReady } from '../../helpers/kube/workloads.ts';
import { results } from '../../helpers/report/results.ts';
import { withoutVitest } from '../../helpers/testing/checkout.ts';
import { foreignCluster, foreignTag, type ForeignCluster } from '../../helpers/testing/foreign-cluster.ts';
import {
  bridgeAddress,
  ownPassword,
  ownProxy,
  ownUser,
  type OwnProxy,
} from '../../helpers/testing/own-proxy.ts';
import { ProcessList } from '../../helpers/testing/process-list.ts';
import { secretForms } from '../../helpers/your-proxy/credentials.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const cli = join(root, 'cli/main.ts');
const loader = pathToFileURL(join(root, 'node_modules/tsx/dist/loader.mjs')).href;
/** Resolved by the cluster's DNS alone. */
const proxyName = 'proxy.corp.conformance.test';

let folder: string;
let theirs: ForeignCluster;
let proxy: OwnProxy;
let kubeconfig: string;
/** Two of this machine's addresses, as the cluster reaches them. */
let ips: readonly string[];

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'conformance-your-proxy-')));
  theirs = await foreignCluster();
  const { cluster, images } = theirs;
  kubeconfig = join(folder, 'kubeconfig');
  await writeFile(kubeconfig, cluster.kubeconfig, { mode: 0o600 });
  proxy = await ownProxy(images.images.squid.reference, cluster.runId);
  await writeFile(join(folder, 'ca.pem'), proxy.site.ca);
  ips = [proxy.ip, bridgeAddress((await (await dockerode()).getNetwork(cluster.network).inspect()).Id)];
  await nameInTheCluster(proxyName, ips);
});

afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await theirs[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
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
  readonly user?: string;
  readonly password?: string;
}

function start({ args, user = ownUser, password = ownPassword }: Asked) {
  const { url, title } = proxy.site;
  const page = ['--destination', url, '--expect-title', title, '--destination-ca', 'ca.pem'];
  return execa(
    process.execPath,
    ['--import', loader, cli, 'run', '--images', theirs.images.source, ...there(), ...page, ...args],
    {
      cwd: folder,
      extendEnv: false,
      env: {
        ...withoutVitest(process.env),
        CONFORMANCE_PROXY_USER: user,
        CONFORMANCE_PROXY_PASSWORD: password,
        NO_COLOR: '1',
        TSX_TSCONFIG_PATH: join(root, 'tsconfig.json'),
      },
      all: true,
      reject: false,
      stdin: 'ignore',
      // It removes what it made first.
      forceKillAfterDelay: 60_000,
      timeout: 200_000,
    },
  );
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
  return command.includes(cli) || /\/esbuild .*--service=/.test(command);
}

/** Every file that a run left, its evidence included. */
async function everythingWritten(): Promise<string> {
  const reports = join(folder, 'reports');
  const files = await readdir(reports, { recursive: true, withFileTypes: true });
  const texts = await Promise.all(
    files.filter((file) => file.isFile()).map((file) => readFile(join(file.parentPath, file.name), 'utf8')),
  );
  return texts.join('\n');
}

/** Has the cluster's DNS know a name, as that of a company knows its proxy. */
async function nameInTheCluster(name: string, ips: readonly string[]): Promise<void> {
  const { core } = theirs.kube;
  const where = { namespace: 'kube-system', name: 'coredns' };
  const stored: V1ConfigMap = await core.readNamespacedConfigMap(where);
  const corefile = stored.data?.['Corefile'] ?? '';
  const hosts = `    hosts {\n${ips.map((ip) => `      ${ip} ${name}\n`).join('')}      fallthrough\n    }\n`;
  const changed = corefile.replace(/^ *kubernetes /m, (line) => `${hosts}${line}`);
  if (changed === corefile) throw new Error('The cluster’s Corefile has another text now');
  const metadata = { namespace: 'kube-system', name: 'coredns' };
  // CoreDNS would look at the change in half a minute; one that starts anew, at once.
  const template = { metadata: { annotations: { 'conformance.test/names': ips.join(' ') } } };
  await apply(theirs.kube, [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { Corefile: changed } } as KubernetesObject,
    { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { template } } as KubernetesObject,
  ]);
  await deploymentMustBeReady(theirs.kube, 'kube-system', 'coredns');
}

test('with its log it is green by name and password, which nobody sees', async () => {
  const credentials = { user: ownUser, password: ownPassword };
  const running = start({ args: ['--proxy', toldBy([proxy.ip]), '--proxy-log', proxy.log] });
  const list = new ProcessList(secretForms(credentials), 'curl', isGiven);
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

test('by several addresses, and without its log, whose statement is then told as not available', async () => {
  const told = toldBy(ips);
  const { exitCode, output, report } = await conformance({ args: ['--proxy', told] });
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
    args: ['--proxy', told, '--proxy-log', proxy.log],
  });
  expect(output).toContain('Verdict: conformant');
  expect(exitCode).toBe(0);
  const { client, sidecar } = report.steps.find(({ id }) => id === 'MESH-3')?.trips[0] ?? {};
  expect(client?.command).toContain(`HTTPS_PROXY=${told} curl`);
  expect(sidecar?.[0]?.line).toContain(` outbound|${proxy.port}||${proxyName} `);
});

test('what is wrong with it is named, and is not Istio’s', async () => {
  const log = ['--proxy-log', proxy.log];
  const one = ['--step', 'REACH-3'];
  const wrong = await conformance({
    args: [...one, ...log, '--proxy', toldBy([proxy.ip])],
    password: 'a-wrong-password',
  });
  expect(wrong.output).toContain('YOUR_PROXY_CREDENTIALS: Your proxy wants other credentials');
  expect(seenIn(wrong)).toContain('the credentials that were given are not taken');
  expect(seenIn(wrong)).toContain('it asks for Basic realm="conformance test"');
  expect(wrong.report).toMatchObject({ verdict: 'environment', cause: 'YOUR_PROXY_CREDENTIALS' });
  expect(wrong.exitCode).toBe(3);

  const nobody = await conformance({ args: [...one, '--proxy', 'no-such.conformance.test:3128'] });
  expect(nobody.output).toContain('YOUR_PROXY_UNRESOLVED');
  expect(nobody.exitCode).toBe(3);

  await (await dockerode()).getContainer(proxy.container).stop({ t: 0 });
  const down = await conformance({ args: [...one, ...log, '--proxy', toldBy([proxy.ip])] });
  expect(down.output).toContain('YOUR_PROXY_UNREACHABLE: Your proxy cannot be reached from the cluster');
  expect(down.report).toMatchObject({ verdict: 'environment', cause: 'YOUR_PROXY_UNREACHABLE' });
  expect(down.exitCode).toBe(3);
  for (const { output, report } of [wrong, nobody, down]) {
    expect(output).not.toMatch(/^ {4}at /m);
    expect(report.steps.find(({ status }) => status === 'failed')?.evidence).not.toBe('');
  }
});

test('no run wrote the password anywhere, evidence of red ones included', async () => {
  const written = await everythingWritten();
  expect(written.includes('YOUR_PROXY_UNREACHABLE')).toBe(true);
  const wrong = { user: ownUser, password: 'a-wrong-password' };
  const forms = [...secretForms({ user: ownUser, password: ownPassword }), ...secretForms(wrong)];
  for (const form of forms) expect(written.includes(form)).toBe(false);
  expect(written.includes(ownUser)).toBe(false);
});
