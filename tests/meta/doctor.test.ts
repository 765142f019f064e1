import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defaultEdition } from '../../fixtures/document/editions.ts';
import { containerFacts } from '../../helpers/cluster/container-facts.ts';
import { engineFacts } from '../../helpers/doctor/engine-facts.ts';
import { registryReferencesOf } from '../../helpers/images/references.ts';
import { resolveVersions } from '../../helpers/images/versions.ts';
import { runCheckout, type CheckoutRequest } from '../../faults/checkout.ts';
import { corporateProxy } from '../support/corporate-proxy.ts';
import { foreignImage } from '../support/foreign-image.ts';
import { refusingEngine } from '../support/refusing-engine.ts';
import {
  limitedRegistry,
  onSmallDisk,
  prefixImpossible,
  smallDiskImpossible,
  unshared,
} from '../../faults/environment.ts';

/** Nobody listens there: the port is a privileged one that is not given to anybody. */
const nobody = '127.0.0.1:1';
const { kubernetes } = resolveVersions({});

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'conformance-doctor-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

interface Told {
  readonly id: string;
  readonly status: 'ok' | 'warning' | 'failed';
  readonly message: string;
  readonly hint: string;
}

interface Examined {
  readonly exitCode: number;
  readonly stderr: string;
  readonly line: (id: string) => Told;
}

/** What `conformance doctor --json` says. */
async function doctor(
  args: readonly string[],
  surroundings: Omit<CheckoutRequest, 'args'> = {},
): Promise<Examined> {
  await using ended = await runCheckout({
    args: ['doctor', '--json', ...args],
    report: false,
    ...surroundings,
  });
  const { exitCode, stdout, stderr } = ended;
  const { checks } = JSON.parse(stdout) as { readonly checks: readonly Told[] };
  for (const check of checks) {
    expect(Object.keys(check)).toEqual(['id', 'status', 'message', 'hint']);
    // Each tells what to do, but for those that another one keeps from being made.
    if (check.status !== 'ok' && !check.message.startsWith('not checked')) expect(check.hint).not.toBe('');
    if (check.status === 'ok') expect(check.hint).toBe('');
  }
  expect(exitCode).toBe(checks.some(({ status }) => status === 'failed') ? 3 : 0);
  return {
    exitCode,
    stderr,
    line: (id) => {
      const found = checks.find((check) => check.id === id);
      if (found === undefined) throw new Error(`The doctor has no line ${id}: ${stdout}`);
      return found;
    },
  };
}

const hermetic = ['--target', 'hermetic'];
/** A mirror that is not there: everything is still to be pulled. */
const noMirror = ['--images', `mirror=${nobody}/none`, ...hermetic];

describe.concurrent('each line of the doctor is red by a cause of its own', () => {
  test('engine: a socket without a listener', async () => {
    const { exitCode, line } = await doctor(hermetic, { env: { DOCKER_HOST: 'unix:///no/such.sock' } });
    expect(exitCode).toBe(3);
    expect(line('engine')).toMatchObject({ status: 'failed' });
    expect(line('engine').message).toBe('No container engine answers at DOCKER_HOST=unix:///no/such.sock');
    expect(line('memory')).toMatchObject({
      status: 'warning',
      message: 'not checked: the engine does not answer',
    });
  });

  test('privileged: an engine that refuses such containers', async () => {
    await using engine = await refusingEngine();
    const { exitCode, line } = await doctor(hermetic, { env: { DOCKER_HOST: engine.address } });
    expect(exitCode).toBe(3);
    expect(line('privileged').status).toBe('failed');
    expect(line('privileged').message).toContain('privileged containers are not allowed');
  });

  test('capability: published images, and a root without CAP_SYS_RESOURCE', async ({ skip }) => {
    const facts = await engineFacts();
    const seen = await containerFacts({ ...facts, image: undefined });
    skip(((seen.capabilities >> 24n) & 1n) === 1n, 'this machine’s root has it');
    const { line } = await doctor(['--images', 'registry', ...hermetic]);
    expect(line('capability').status).toBe('warning');
    expect(line('capability').message).toContain('A privileged container lacks CAP_SYS_RESOURCE');
  });

  test('cgroups: version 1 with a Kubernetes that refuses it', async ({ skip }) => {
    const { info } = await engineFacts();
    if (info.CgroupVersion === '2') skip('this machine has cgroup v2');
    const { line } = await doctor(['--k8s', kubernetes, '--images', 'registry', ...hermetic]);
    expect(line('cgroups').status).toBe('warning');
    expect(line('cgroups').message).toContain(`cgroup v1: Kubernetes ${kubernetes} refuses it`);
  });

  test('architecture: an image for another processor', async () => {
    const mirror = `${nobody}/doctor-${process.pid}`;
    const versions = resolveVersions({ images: `mirror=${mirror}` });
    const { curl } = registryReferencesOf({ ...versions, source: 'registry', mirror }, 'amd64');
    await using image = await foreignImage(curl);
    const { line } = await doctor(['--images', `mirror=${mirror}`, ...hermetic]);
    expect(line('architecture').status).toBe('warning');
    expect(line('architecture').message).toContain(`${curl} is for ${image.architecture} alone`);
  });

  test('cpu: one processor for this process', async ({ skip }) => {
    const prefix = ['taskset', '--cpu-list', '0'];
    const why = await prefixImpossible(prefix);
    skip(why !== undefined, why);
    const { line } = await doctor(hermetic, { prefix });
    expect(line('cpu').status).toBe('warning');
    expect(line('cpu').message).toContain('may use 1 processor');
  });

  test('memory: little of it is free', async ({ skip }) => {
    const file = join(folder, 'meminfo');
    await writeFile(
      file,
      'MemTotal:        8388608 kB\nMemFree:          524288 kB\nMemAvailable:    1048576 kB\n',
    );
    const prefix = unshared(`mount --bind ${file} /proc/meminfo`);
    const why = await prefixImpossible(prefix);
    skip(why !== undefined, why);
    const { line } = await doctor(hermetic, { prefix });
    expect(line('memory').status).toBe('warning');
    expect(line('memory').message).toContain('Only 1.0 GB of memory are free');
  });

  test('disk-cache: a disk of 1 MB', async ({ skip }) => {
    const why = await smallDiskImpossible();
    skip(why !== undefined, why);
    const { exitCode, line } = await doctor(hermetic, { prefix: onSmallDisk });
    expect(exitCode).toBe(3);
    expect(line('disk-cache').status).toBe('failed');
    expect(line('disk-cache').message).toMatch(/^Too little space for .*small-disk has 0\.0 GB free/);
  });

  test('disk-cache: a folder that is a file', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    const { line } = await doctor(hermetic, { env: { CONFORMANCE_CACHE_DIR: join(file, 'cache') } });
    expect(line('disk-cache').status).toBe('failed');
    expect(line('disk-cache').message).toMatch(/^The cache folder is not writable: .*ENOTDIR/);
  });

  test('disk-engine: a disk of 1 MB', async ({ skip }) => {
    const { info } = await engineFacts();
    const prefix = unshared(`mount -t tmpfs -o size=1m tmpfs '${info.DockerRootDir}'`);
    const why = await prefixImpossible(prefix);
    skip(why !== undefined, why);
    const { line } = await doctor(hermetic, { prefix });
    expect(line('disk-engine').status).toBe('failed');
    expect(line('disk-engine').message).toMatch(/^Too little space for a node .* has 0\.0 GB free/);
  });

  test('open-files: few for this process', async () => {
    const few = (files: number): string[] => ['sh', '-c', `ulimit -n ${files}; exec "$@"`, 'sh'];
    const { line } = await doctor(hermetic, { prefix: few(200) });
    expect(line('open-files').status).toBe('failed');
    expect(line('open-files').message).toContain('This process may open 200 files');
    expect((await doctor(hermetic, { prefix: few(1_000) })).line('open-files').status).toBe('warning');
  });

  test('clock: a registry that is two hours ahead', async () => {
    await using registry = await registryAhead(2 * 3_600_000);
    const { line } = await doctor(['--images', `mirror=${registry.host}`, ...hermetic]);
    expect(line('clock').status).toBe('warning');
    expect(line('clock').message).toContain(`This machine's clock is 2 h behind that of ${registry.host}`);
  });

  test('dns: a name that does not exist', async () => {
    const { exitCode, line } = await doctor(['--images', 'mirror=registry.invalid', ...hermetic]);
    expect(exitCode).toBe(3);
    expect(line('dns').status).toBe('failed');
    expect(line('dns').message).toMatch(/^registry\.invalid \(.*registry\.invalid\) cannot be resolved$/);
  });

  test('dns: a name server that is not there', async ({ skip }) => {
    const file = join(folder, 'resolv.conf');
    await writeFile(file, 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n');
    const prefix = unshared(`mount --bind ${file} /etc/resolv.conf`);
    const why = await prefixImpossible(prefix);
    skip(why !== undefined, why);
    const { line } = await doctor(['--target', 'live'], { prefix });
    expect(line('dns').status).toBe('failed');
    expect(line('dns').message).toContain('en.wikipedia.org (getaddrinfo EAI_AGAIN');
  });

  test('registries: one without a listener, and one that limits pulls', async () => {
    const { exitCode, line } = await doctor(noMirror);
    expect(exitCode).toBe(3);
    expect(line('registries').status).toBe('failed');
    expect(line('registries').message).toContain(`${nobody} does not answer: connect ECONNREFUSED`);
    await using limited = await limitedRegistry({ greeting: 429 });
    const full = await doctor(['--images', `mirror=${limited.host}`, ...hermetic]);
    expect(full.line('registries')).toMatchObject({
      status: 'warning',
      message: `${limited.host} answers 429: it may refuse images now`,
    });
  });

  test('destination and proxy: a proxy that does not answer', async () => {
    const env = { HTTPS_PROXY: `http://${nobody}`, https_proxy: '', NO_PROXY: '', no_proxy: '' };
    const { exitCode, line } = await doctor(['--target', 'live'], { env });
    expect(exitCode).toBe(3);
    expect(line('destination').status).toBe('failed');
    expect(line('destination').message).toContain('en.wikipedia.org does not answer');
    expect(line('proxy').status).toBe('warning');
    expect(line('proxy').message).toContain(`The proxy ${nobody} does not answer: connect ECONNREFUSED`);
  });

  test('destination and registries: a proxy that opens TLS, until its CA is named', async () => {
    await using proxy = await corporateProxy('en.wikipedia.org');
    const args = ['--target', 'live', '--images', 'registry'];
    const distrusted = await doctor(args, { env: proxy.variables });
    for (const id of ['destination', 'registries']) {
      expect(distrusted.line(id).status).toBe('failed');
      expect(distrusted.line(id).message).toMatch(/does not answer: .*certificate/);
      expect(distrusted.line(id).hint).toContain('give its CA to this suite (NODE_EXTRA_CA_CERTS=FILE)');
    }
    expect(proxy.asked).toContain('en.wikipedia.org:443');
    const file = join(folder, 'company.pem');
    await writeFile(file, proxy.ca);
    const trusted = await doctor(args, { env: { ...proxy.variables, NODE_EXTRA_CA_CERTS: file } });
    expect(trusted.line('destination')).toMatchObject({
      status: 'ok',
      message: 'en.wikipedia.org answers 200',
    });
  });

  test('proxy: a variable that is no URL', async () => {
    const env = { HTTPS_PROXY: 'me:secret@corporate proxy', https_proxy: '' };
    const { exitCode, line } = await doctor(hermetic, { env });
    expect(exitCode).toBe(3);
    expect(line('proxy').status).toBe('failed');
    expect(line('proxy').message).toContain('HTTPS_PROXY=…@corporate proxy is not the URL of a proxy');
  });

  test('engine-proxy: the engine knows nothing of the proxy', async ({ skip }) => {
    const { info } = await engineFacts();
    if (info.HttpsProxy !== '' || info.HttpProxy !== '') skip('the engine here has a proxy');
    const { line } = await doctor(noMirror, { env: { HTTPS_PROXY: `http://${nobody}`, https_proxy: '' } });
    expect(line('engine-proxy').status).toBe('warning');
    expect(line('engine-proxy').message).toContain('the engine pulls without a proxy');
  });

  test.each([
    ['is not there', undefined, 'cannot be read (ENOENT'],
    ['is no PEM', 'DER, perhaps', 'holds no certificate in PEM'],
    [
      'is damaged',
      '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
      'holds a certificate that cannot be parsed',
    ],
  ])('authorities: a file that %s', async (_what, text, said) => {
    const file = join(folder, `${said.replace(/\W+/g, '-')}.pem`);
    if (text !== undefined) await writeFile(file, text);
    const { line } = await doctor(hermetic, { env: { NODE_EXTRA_CA_CERTS: file } });
    expect(line('authorities').status).toBe('warning');
    expect(line('authorities').message).toContain(`NODE_EXTRA_CA_CERTS=${file} ${said}`);
  });

  test('node: too old for what package.json asks', async () => {
    const edits = { 'package.json': (text: string) => text.replace('">=24"', '">=99"') };
    const { exitCode, line } = await doctor(hermetic, { edits });
    expect(exitCode).toBe(3);
    expect(line('node').status).toBe('failed');
    expect(line('node').message).toBe(`Node.js ${process.versions.node} is too old: >=99 is asked for`);
  });

  test('fixtures: a manifest that is no YAML', async () => {
    const edits = { [`fixtures/document/${defaultEdition}/service-entry.yaml`]: () => 'spec: [\n' };
    const { exitCode, line } = await doctor(hermetic, { edits });
    expect(exitCode).toBe(3);
    expect(line('fixtures').status).toBe('failed');
    expect(line('fixtures').message).toContain(
      `fixtures/document/${defaultEdition}/service-entry.yaml is not valid YAML`,
    );
  });
});

describe.concurrent('inside a run', () => {
  test.each(['run', 'gate', 'faults'])('%s ends at once with the doctor’s words', async (command) => {
    const args =
      {
        run: ['run'],
        gate: ['gate', '--from', '1.28.3', '--to', '1.29.1'],
        faults: ['faults', 'ENTRY-HTTP'],
      }[command] ?? [];
    await using ended = await runCheckout({
      args,
      env: { HTTPS_PROXY: 'corporate proxy', https_proxy: '' },
      report: command !== 'faults',
      deadlineMs: 60_000,
    });
    expect(ended.exitCode).toBe(3);
    expect(ended.stdout).toContain('HTTPS_PROXY=corporate proxy is not the URL of a proxy');
    expect(ended.stdout).toContain('Write it as http://HOST:PORT.');
    expect(ended.stdout).toContain('All checks: ./conformance doctor');
    expect(`${ended.stdout}${ended.stderr}`).not.toMatch(/images: |Cluster|^ {4}at /m);
  });

  test('inotify: a user who may watch little', async ({ skip }) => {
    const prefix = unshared('echo 10 > /proc/sys/user/max_inotify_instances', { user: true });
    const why = await prefixImpossible(prefix);
    skip(why !== undefined, why);
    await using ended = await runCheckout({ args: ['run', ...hermetic], prefix, deadlineMs: 60_000 });
    expect(ended.stdout).toMatch(/^10 inotify instances and \d+ watches a user: too few for a node/m);
    expect(ended.results).toMatchObject({ verdict: 'environment', exitCode: 3, cause: 'NODE_NOT_READY' });
  });
});

interface AheadRegistry extends AsyncDisposable {
  readonly host: string;
}

/** A registry on this machine whose clock is ahead. */
async function registryAhead(byMs: number): Promise<AheadRegistry> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { date: new Date(Date.now() + byMs).toUTCString() }).end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    host: `127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
