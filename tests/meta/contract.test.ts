import { createWriteStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { connect as connectTls } from 'node:tls';
import type { StartedK3sContainer } from '@testcontainers/k3s';
import type { GenericContainer } from 'testcontainers';
import { afterAll, beforeAll, expect } from 'vitest';
import { encodeOwner, labelKeys, thisProcess } from '../../helpers/cluster/labels.ts';
import {
  AgentContainer,
  imagesFolder,
  importFailure,
  NodeContainer,
  type NodeRequest,
} from '../../helpers/cluster/node-container.ts';
import { sweep } from '../../helpers/cluster/sweep.ts';
import { containerEngine, dockerode, saveImages } from '../../helpers/engine.ts';
import { eventually } from '../../helpers/eventually/eventually.ts';
import { ensureImageSet } from '../../helpers/images/ensure.ts';
import type { ImageSet, Role } from '../../helpers/images/roles.ts';
import { resolveVersions } from '../../helpers/images/versions.ts';
import { apply, remove } from '../../helpers/kube/apply.ts';
import { connect, type Kube } from '../../helpers/kube/client.ts';
import { exec, execOrThrow, type PodRef } from '../../helpers/kube/exec.ts';
import { schedulable } from '../../helpers/kube/nodes.ts';
import { lineSplitter } from '../../helpers/kube/lines.ts';
import { deploymentMustBeReady, podMustBeReady } from '../../helpers/kube/workloads.ts';
import { silent } from '../../helpers/progress/progress.ts';
import { newRunId } from '../../helpers/session/session.ts';
import { describeRows, has, runImage, type Check } from '../support/contract.ts';

const runId = newRunId();
const alias = 'contract-node';
const token = 'contract-token';
const curlArchive = `${imagesFolder}/curl.tar`;
/** What a node is started by, before its own entrypoint. */
const tools = has('sh', 'sed', 'grep', 'iptables');

let set: ImageSet['images'];
let folder: string;
let node: StartedK3sContainer;
let nodeLog: readonly string[];
let nodeRequest: NodeRequest;
let kube: Kube;

beforeAll(async () => {
  await sweep();
  folder = await mkdtemp(join(tmpdir(), 'contract-'));
  // It chooses another node than the default one.
  const versions = resolveVersions({ images: 'source', k8s: process.env['CONFORMANCE_K8S'] });
  const request = { source: 'source' as const, ...versions, overrides: {} };
  set = (await ensureImageSet(request, silent)).images;
  // Without them there is no node, and every row would be red for a reason that nobody reads.
  const ask = `echo 'row tools of docs/k3s-contract.md:'; ${tools}`;
  await runImage(set.k3s.reference, runId, { Entrypoint: ['sh', '-c', ask], Cmd: [] });
  await pipeline(await saveImages([set.curl.reference]), createWriteStream(join(folder, 'curl.tar')));
  await writeFile(join(folder, 'broken.tar'), 'no archive');
  const docker = await dockerode();
  await docker.createNetwork({ Name: runId, Labels: labels() });
  const { IPAM } = await docker.getNetwork(runId).inspect();
  const { container, log, request: asked } = await nodeWith('curl.tar', IPAM?.Config?.[0]?.['Gateway']);
  node = await container.start().catch(saying(log));
  nodeLog = log;
  nodeRequest = asked;
  kube = connect(node.getKubeConfig());
  await deploymentMustBeReady(kube, 'kube-system', 'coredns');
  await apply(kube, [pod('by-cluster', 'ClusterFirst'), pod('by-node', 'Default')]);
  await Promise.all(['by-cluster', 'by-node'].map((name) => podMustBeReady(kube, 'default', name)));
});

afterAll(async () => {
  await sweep({ only: runId });
  await rm(folder, { recursive: true, force: true });
});

const ofNode: Record<string, Check> = {
  tools: async () => {
    await onNode(tools);
    const [entrypoint] = await entrypointOf('k3s');
    const first = await onNode("tr '\\0' ' ' </proc/1/cmdline");
    expect(first).toContain(`${entrypoint} server --disable=traefik`);
    // The shell that the suite starts it by is gone.
    expect(first).not.toContain('NODE_RESOLVER');
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
    const ask = ['curl', '--silent', '--insecure', '--max-time', '2', 'https://10.43.0.1/version'];
    const mustAnswer = (wanted: boolean): Promise<void> =>
      eventually(
        `the API server ${wanted ? 'to answer a pod' : 'not to answer a pod that a NetworkPolicy denies all'}`,
        async () => {
          const { exitCode } = await exec(kube, target('by-node'), ask);
          if ((exitCode === 0) !== wanted) throw new Error(`curl ended with exit code ${exitCode}`);
        },
        { timeoutMs: 20_000 },
      );
    await mustAnswer(true);
    await apply(kube, [denyEgress]);
    await mustAnswer(false);
    await remove(kube, [denyEgress]);
    await mustAnswer(true);
  },
  agent: async () => {
    const start = performance.now();
    await mustJoin('agent-1', token, 60_000);
    // One that is let in takes as long as that.
    const limit = 2 * (performance.now() - start);
    const letIn = mustJoin('agent-2', 'another', limit).then(
      () => true,
      () => false,
    );
    await apply(kube, [pod('elsewhere', 'ClusterFirst', 'agent-1')]);
    await podMustBeReady(kube, 'default', 'elsewhere');
    expect(await letIn, 'an agent with another token joins').toBe(false);
  },
  network: async () => {
    // CoreDNS is on the server.
    const look = () => inPod('elsewhere', ['nslookup', `${alias}.`]);
    const answer = await eventually('a pod to reach CoreDNS on another node', look, { timeoutMs: 20_000 });
    expect(answer).toMatch(new RegExp(`Name:\\s+${alias}`));
    await mustSeeEachOther('elsewhere', 'by-node');
    await mustSeeEachOther('by-node', 'elsewhere');
  },
};

describeRows('What the suite asks of k3s', ofNode);

function labels(): Record<string, string> {
  return { [labelKeys.run]: runId, [labelKeys.owner]: encodeOwner(thisProcess()), [labelKeys.kept]: 'false' };
}

/** A node as the suite starts it, and what it prints. */
async function nodeWith(
  archive: string,
  gateway: string | undefined,
): Promise<{
  readonly container: NodeContainer;
  readonly log: readonly string[];
  readonly request: NodeRequest;
}> {
  const { info } = await containerEngine();
  const request: NodeRequest = {
    image: set.k3s.reference,
    entrypoint: await entrypointOf('k3s'),
    host: info.containerRuntime.host,
    oneHierarchy: ((await (await dockerode()).info()) as { CgroupVersion?: string }).CgroupVersion === '2',
    gateway,
    mounts: [],
    copies: [{ source: join(folder, archive), target: `${imagesFolder}/${archive}` }],
    member: { name: 'server', token },
  };
  const container = new NodeContainer(request);
  return { container, log: dress(container, alias), request };
}

/** @returns what the node prints, as it comes */
function dress(container: GenericContainer, name: string): readonly string[] {
  const log: string[] = [];
  const take = lineSplitter((line) => log.push(line));
  container
    .withLabels(labels())
    .withNetworkMode(runId)
    .withNetworkAliases(name)
    .withLogConsumer((stream: Readable) => {
      stream.on('data', (chunk: Buffer | string) => {
        take(Buffer.from(chunk));
      });
    });
  return log;
}

/** For `catch`: what a node that does not start said last. */
function saying(log: readonly string[]): (error: unknown) => never {
  return (cause) => {
    throw new Error(`the node does not start; it said last:\n${log.slice(-3).join('\n')}`, { cause });
  };
}

/** Starts an agent with this token. @throws Error when its node is not ready in time */
async function mustJoin(name: string, given: string, timeoutMs: number): Promise<void> {
  const container = new AgentContainer({ ...nodeRequest, member: { name, token: given } }, alias);
  const log = dress(container, name);
  await container.withStartupTimeout(timeoutMs).start().catch(saying(log));
  await eventually(
    `node ${name} to be ready`,
    async () => {
      const { names } = schedulable((await kube.core.listNode()).items);
      if (!names.includes(name)) throw new Error(`those that are ready: ${names.join(', ')}`);
    },
    { timeoutMs },
  );
}

/** A pod calls another; whoever calls is told of its connection as the one that is called has it: by the caller's own address. */
async function mustSeeEachOther(caller: string, called: string): Promise<void> {
  const addressOf = async (name: string): Promise<string> =>
    (await kube.core.readNamespacedPod({ name, namespace: 'default' })).status?.podIP ?? '';
  const listen = ['nc', '-l', '-p', '7000', '-e', 'cat', '/proc/net/tcp', '/proc/net/tcp6'];
  const serving = inPod(called, ['timeout', '20', ...listen]);
  serving.catch(() => undefined);
  const call = ['nc', '-w', '5', await addressOf(called), '7000'];
  const told = await eventually(`${called} to answer ${caller}`, () => inPod(caller, call), {
    timeoutMs: 15_000,
  });
  await serving;
  const ip = await addressOf(caller);
  const bytes = Buffer.from(ip.split('.').map(Number).reverse());
  expect(told, `${called} sees ${caller} by another address than ${ip}`).toContain(
    bytes.toString('hex').toUpperCase(),
  );
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

function inPod(name: string, command: string[]): Promise<string> {
  return execOrThrow(kube, target(name), command);
}

function target(name: string): PodRef {
  return { namespace: 'default', pod: name, container: 'curl' };
}

/** @param nodeName The node it is on, in place of the server's */
function pod(name: string, dnsPolicy: string, nodeName = 'server') {
  const container = { name: 'curl', image: set.curl.reference, imagePullPolicy: 'Never' };
  return {
    ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' } },
    spec: {
      dnsPolicy,
      nodeName,
      terminationGracePeriodSeconds: 0,
      containers: [{ ...container, command: ['/bin/sleep', 'infinity'] }],
    },
  };
}
