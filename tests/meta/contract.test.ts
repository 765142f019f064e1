import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { connect as connectTls } from 'node:tls';
import type { StartedK3sContainer } from '@testcontainers/k3s';
import { afterAll, beforeAll, describe, expect, test, type TestContext } from 'vitest';
import { encodeOwner, labelKeys, thisProcess } from '../../helpers/cluster/labels.ts';
import { imagesFolder, importFailure, NodeContainer } from '../../helpers/cluster/node-container.ts';
import { runToEnd } from '../../helpers/cluster/one-shot.ts';
import { sweep } from '../../helpers/cluster/sweep.ts';
import { containerEngine, dockerode, saveImages } from '../../helpers/engine.ts';
import { eventually } from '../../helpers/eventually/eventually.ts';
import { ensureImageSet } from '../../helpers/images/ensure.ts';
import type { ImageSet, Role } from '../../helpers/images/roles.ts';
import { resolveVersions } from '../../helpers/images/versions.ts';
import { apply, remove } from '../../helpers/kube/apply.ts';
import { connect, type Kube } from '../../helpers/kube/client.ts';
import { exec, execOrThrow } from '../../helpers/kube/exec.ts';
import { lineSplitter } from '../../helpers/kube/lines.ts';
import { deploymentMustBeReady, podMustBeReady } from '../../helpers/kube/workloads.ts';
import { silent } from '../../helpers/progress/progress.ts';
import { signalSquid } from '../../suites/document/prepare.ts';
import { newRunId } from '../../helpers/session/session.ts';

/**
 * docs/k3s-contract.md, row by row, held against the images of the source set: what they stand in for promises the same.
 * CONFORMANCE_K8S chooses another node than the default one.
 */
const page = new URL('../../docs/k3s-contract.md', import.meta.url);

const runId = newRunId();
const alias = 'contract-node';
const curlArchive = `${imagesFolder}/curl.tar`;

let set: ImageSet['images'];
let folder: string;
let node: StartedK3sContainer;
let nodeLog: readonly string[];
let kube: Kube;

beforeAll(async () => {
  await sweep();
  folder = await mkdtemp(join(tmpdir(), 'contract-'));
  const versions = resolveVersions({ images: 'source', k8s: process.env['CONFORMANCE_K8S'] });
  const request = { source: 'source' as const, ...versions, overrides: {} };
  set = (await ensureImageSet(request, silent)).images;
  await pipeline(await saveImages([set.curl.reference]), createWriteStream(join(folder, 'curl.tar')));
  await writeFile(join(folder, 'broken.tar'), 'no archive');
  const docker = await dockerode();
  await docker.createNetwork({ Name: runId, Labels: labels() });
  const { IPAM } = await docker.getNetwork(runId).inspect();
  const { container, log } = await nodeWith('curl.tar', IPAM?.Config?.[0]?.['Gateway']);
  node = await container.start();
  nodeLog = log;
  kube = connect(node.getKubeConfig());
  await deploymentMustBeReady(kube, 'kube-system', 'coredns');
  await apply(kube, [pod('by-cluster', 'ClusterFirst'), pod('by-node', 'Default')]);
  await Promise.all(['by-cluster', 'by-node'].map((name) => podMustBeReady(kube, 'default', name)));
});

afterAll(async () => {
  await sweep({ only: runId });
  await rm(folder, { recursive: true, force: true });
});

type Check = (context: TestContext) => Promise<void>;

const ofNode: Record<string, Check> = {
  tools: async () => {
    await onNode(has('sh', 'sed', 'grep', 'iptables'));
    const [entrypoint] = await entrypointOf('k3s');
    expect(await onNode("tr '\\0' ' ' </proc/1/cmdline")).toContain(`${entrypoint} server --disable=traefik`);
  },
  flags: async () => {
    const { hostname, port } = new URL(kube.config.getCurrentCluster()?.server ?? '');
    const socket = connectTls({ host: hostname, port: Number(port), rejectUnauthorized: false });
    const names = await new Promise<string | undefined>((resolve, reject) => {
      socket.once('error', reject).once('secureConnect', () => {
        resolve(socket.getPeerCertificate().subjectaltname);
      });
    }).finally(() => socket.destroy());
    // testcontainers names the node's aliases.
    expect(names).toContain(`DNS:${alias}`);
    expect(nodeLog.join('\n')).not.toMatch(/unknown flag|flag provided but not defined/);
  },
  resolver: async () => {
    const written = (await onNode('cat /run/resolv.conf')).match(/^nameserver .*/m)?.[0];
    expect(written).toMatch(/^nameserver (?!127\.)/);
    expect(await inPod('by-node', ['cat', '/etc/resolv.conf'])).toContain(written);
  },
  loopback: async () => {
    // On such a network every container asks 127.0.0.11.
    expect((await refusal()).join('\n')).toMatch(/nameserver 8\.8\.8\.8/);
  },
  archives: async () => {
    expect(nodeLog.find((line) => line.includes(`Imported images from ${curlArchive} in `))).toBeDefined();
    expect(importFailure(await refusal())).toContain(`${imagesFolder}/broken.tar`);
  },
  eviction: async () => {
    const { items } = await kube.core.listNode();
    const name = items[0]?.metadata?.name ?? '';
    const answer: unknown = await kube.core.connectGetNodeProxyWithPath({ name, path: 'configz' });
    const config = typeof answer === 'string' ? (JSON.parse(answer) as unknown) : answer;
    expect(config).toMatchObject({
      kubeletconfig: {
        evictionHard: { 'nodefs.available': '0%', 'imagefs.available': '0%' },
        imageGCHighThresholdPercent: 100,
      },
    });
  },
  access: async () => {
    expect(await onNode('cat /etc/rancher/k3s/k3s.yaml')).toContain('server: https://127.0.0.1:6443');
    expect(await kube.core.listNamespace()).toHaveProperty('items');
  },
  ready: async () => {
    expect(nodeLog.join('\n')).toContain('Node controller sync successful');
    expect((await kube.core.listNode()).items).toHaveLength(1);
  },
  dns: async () => {
    // Only the engine's resolver knows the node by this name. The way to the Service comes a moment after CoreDNS is ready.
    const look = () => inPod('by-cluster', ['nslookup', `${alias}.`]);
    const answer = await eventually('the cluster DNS to answer', look, { timeoutMs: 20_000 });
    // The answers of both families come, in either order.
    expect(answer).toMatch(new RegExp(`Name:\\s+${alias}\\s+Address.*: *\\d+\\.\\d+\\.\\d+\\.\\d+`));
  },
  cgroups: async ({ skip }) => {
    skip((await onNode('ls /sys/fs/cgroup')).includes('memory\n'), 'this machine has cgroup v1');
    expect(await onNode('cat /proc/1/cgroup')).toMatch(/^0::\/.+/m);
  },
  policies: async () => {
    const answers = async (): Promise<boolean> => {
      const curl = ['curl', '--silent', '--insecure', '--max-time', '2', 'https://10.43.0.1/version'];
      const target = { namespace: 'default', pod: 'by-node', container: 'curl' };
      return (await exec(kube, target, curl)).exitCode === 0;
    };
    const mustAnswer = (wanted: boolean): Promise<void> =>
      eventually(
        `the API server ${wanted ? 'to answer' : 'not to answer'} a pod`,
        async () => {
          if ((await answers()) !== wanted) throw new Error('not yet');
        },
        { timeoutMs: 20_000 },
      );
    await mustAnswer(true);
    await apply(kube, [denyEgress]);
    await mustAnswer(false);
    await remove(kube, [denyEgress]);
    await mustAnswer(true);
  },
};

const ofImages: Record<string, Check> = {
  istioctl: async () => {
    const { stdout } = await run('istioctl', { Cmd: ['version', '--remote=false', '--short'] });
    expect(stdout).toMatch(/\d+\.\d+/);
  },
  pilot: async () => {
    const { stdout } = await run('pilot', {
      Entrypoint: ['/usr/local/bin/pilot-discovery', 'request', '--help'],
    });
    expect(stdout).toContain('request <method> <path>');
  },
  proxyv2: async () => {
    const { stdout } = await run('proxyv2', { Entrypoint: ['pilot-agent', 'request', '--help'] });
    expect(stdout).toContain('request <method> <path>');
    await shellOn('proxyv2', 'test -e /var/lib/istio/envoy/envoy_bootstrap_tmpl.json');
  },
  squid: async () => {
    await shellOn('squid', has('cat', 'tail', 'grep', 'sed', 'squid'));
    await shellOn('squid', 'grep -q http_port /etc/squid/squid.conf && test -d /var/log/squid');
    // As under ubuntu/squid's shell, which keeps to itself what is sent to PID 1. By its default Squid takes 30 s to end.
    const started = 'until test -s /run/squid.pid; do :; done';
    await shellOn('squid', `(${started}; ${signalSquid('INT')}) & squid -f /etc/squid/squid.conf -NYC; wait`);
  },
  curl: async () => {
    await shellOn('curl', has('cat', 'curl', 'date', 'printf', 'sleep'));
    const { stdout } = await shellOn('curl', 'echo written >/tmp/file && cat /tmp/file; id -u');
    expect(stdout).toMatch(/^written\n[1-9]\d*\n$/);
  },
  origin: async () => {
    await shellOn('origin', 'nginx -t');
    expect((await shellOn('origin', 'ls -l /var/log/nginx/access.log')).stdout).toContain('-> /dev/stdout');
  },
};

describe.each([
  ['What the suite asks of k3s', ofNode],
  ['What it asks of the other images', ofImages],
])('%s', (heading, checks) => {
  test('has a check for each row, and a row for each check', async () => {
    const section = (await readFile(page, 'utf8'))
      .split(/^#+ /m)
      .find((text) => text.startsWith(`${heading}\n`));
    const rows = [...(section ?? '').matchAll(/^\| `([a-z0-9]+)`/gm)].map(([, name]) => name);
    expect(rows).toEqual(Object.keys(checks));
  });

  for (const [name, check] of Object.entries(checks)) test(name, check);
});

function labels(): Record<string, string> {
  return { [labelKeys.run]: runId, [labelKeys.owner]: encodeOwner(thisProcess()), [labelKeys.kept]: 'false' };
}

/** A node as the suite starts it, and what it prints. */
async function nodeWith(
  archive: string,
  gateway: string | undefined,
): Promise<{ readonly container: NodeContainer; readonly log: readonly string[] }> {
  const log: string[] = [];
  const { info } = await containerEngine();
  const take = lineSplitter((line) => log.push(line));
  const container = new NodeContainer({
    image: set.k3s.reference,
    entrypoint: await entrypointOf('k3s'),
    host: info.containerRuntime.host,
    oneHierarchy: ((await (await dockerode()).info()) as { CgroupVersion?: string }).CgroupVersion === '2',
    gateway,
    mounts: [],
    copies: [{ source: join(folder, archive), target: `${imagesFolder}/${archive}` }],
  });
  container
    .withLabels(labels())
    .withNetworkMode(runId)
    .withNetworkAliases(alias)
    .withLogConsumer((stream: Readable) => {
      stream.on('data', (chunk: Buffer | string) => {
        take(Buffer.from(chunk));
      });
    });
  return { container, log };
}

const denyEgress = {
  ...{ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' },
  metadata: { name: 'deny-egress', namespace: 'default' },
  spec: { podSelector: {}, policyTypes: ['Egress'] },
};

let refused: Promise<string[]> | undefined;

/** What a node prints that is given neither a resolver nor an archive it can import. */
async function refusal(): Promise<readonly string[]> {
  refused ??= nodeWith('broken.tar', undefined).then(async ({ container, log }) => {
    // The stand-in ends then; k3s goes on.
    await container.start().catch(() => undefined);
    return [...log];
  });
  return refused;
}

async function entrypointOf(role: Role): Promise<string[]> {
  const { Config } = await (await dockerode()).getImage(set[role].reference).inspect();
  return [Config.Entrypoint ?? []].flat();
}

async function onNode(script: string): Promise<string> {
  const { exitCode, output } = await node.exec(['sh', '-c', script]);
  expect(exitCode, output).toBe(0);
  return output;
}

/** A shell's command that fails where one of them is missing. */
function has(...programs: readonly string[]): string {
  return `for program in ${programs.join(' ')}; do command -v "$program" || exit 1; done`;
}

function inPod(name: string, command: string[]): Promise<string> {
  return execOrThrow(kube, { namespace: 'default', pod: name, container: 'curl' }, command);
}

function pod(name: string, dnsPolicy: string) {
  const container = { name: 'curl', image: set.curl.reference, imagePullPolicy: 'Never' };
  return {
    ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' } },
    spec: {
      dnsPolicy,
      terminationGracePeriodSeconds: 0,
      containers: [{ ...container, command: ['/bin/sleep', 'infinity'] }],
    },
  };
}

/** Runs the image's own user; what it is asked must end well. */
async function run(role: Role, options: object): ReturnType<typeof runToEnd> {
  const image = { Image: set[role].reference, HostConfig: { NetworkMode: 'none' } };
  const ended = await runToEnd(await dockerode(), { ...image, ...options }, { runId, timeoutMs: 30_000 });
  expect(ended.exitCode, ended.printed).toBe(0);
  return ended;
}

function shellOn(role: Role, script: string): ReturnType<typeof runToEnd> {
  return run(role, { Entrypoint: ['sh', '-c', script], Cmd: [] });
}
