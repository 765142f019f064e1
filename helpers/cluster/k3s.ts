import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import type { MountSettings } from 'dockerode';
import type { ContainerRuntimeClient } from 'testcontainers';
import type { Configuration } from '../configuration/configuration.ts';
import { membersOf, NodeNotReadyError, startAgents, type Dress } from './agents.ts';
import type { Cluster } from './cluster.ts';
import { containerFacts } from './container-facts.ts';
import { withTemporaryFolder } from '../cache.ts';
import type { ImageSet } from '../images/roles.ts';
import type { Kube } from '../kube/client.ts';
import { lineSplitter } from '../kube/lines.ts';
import { deploymentMustBeReady } from '../kube/workloads.ts';
import { noProxies } from '../proxies/variables.ts';
import { timeouts } from '../timeouts.ts';
import { containerEngine, logOf } from '../engine.ts';
import {
  clusterOf,
  findKept,
  forgetKept,
  rememberKept,
  imagesKeyOf,
  keptConfigurationOf,
  type KeptConfiguration,
} from './kept.ts';
import { takeKept } from './in-use.ts';
import { encodeOwner, labelKeys, thisProcess } from './labels.ts';
import {
  brokenPromises,
  imagesFolder,
  importFailure,
  NodeContainer,
  type NodeRequest,
} from './node-container.ts';
import { preparedFolder, preparedStore } from './store.ts';
import { sweep } from './sweep.ts';

/** Name of the node on the run's network, and in its certificate. */
const alias = 'k3s';
/** More than a node needs, and not more than Squid 3.5 can stand. */
const nodeOpenFiles = 65_536;

type Holds = Pick<NodeRequest, 'mounts' | 'copies'>;

/** Lines of the node's log that are kept until it is ready. */
const logKept = 2_000;

export interface ClusterRequest {
  readonly runId: string;
  readonly images: ImageSet;
  /** Images of further versions of Istio that pods of this cluster will run. */
  readonly others: readonly ImageSet[];
  /** Leaves the cluster for later runs, and takes one that an earlier run left. */
  readonly keep: boolean;
  /** Takes one that an earlier run left, and starts none. */
  readonly reuse: boolean;
  /** How the sidecar gets into pods, which a kept cluster must have in common. */
  readonly injection: Configuration['injection'];
  /** Likewise: a fingerprint of the user's own configuration of the mesh. */
  readonly given?: string;
  /** How many nodes it has, if not one. */
  readonly nodes?: number;
  readonly report: (detail: string) => void;
  /** Takes a line that stays. */
  readonly note: (line: string) => unknown;
  /** The node did not become ready: the last chance to look at what is left of it. Must not reject. */
  readonly beforeRemoval: (error: unknown) => Promise<void>;
}

/**
 * A ready cluster: a kept one of the same configuration when `keep` is set and there is one, else a new one.
 * @throws UsageError when a kept one is in the way, or required and not there
 * @throws EnvironmentError when the node does not become ready; what was started is removed
 */
export async function startCluster(request: ClusterRequest): Promise<Cluster> {
  const { images, others, keep, reuse, report } = request;
  const configuration = keptConfigurationOf([images, ...others], request);
  if (keep || reuse) {
    const kept = await findKept(configuration, { required: reuse, report });
    if (kept !== undefined) {
      report(`using kept cluster ${kept.runId}`);
      return { ...clusterOf(kept), reused: true };
    }
    await takeKept(request.runId);
  }
  try {
    return await startNew(request, configuration);
  } catch (error) {
    await request.beforeRemoval(error);
    // What went wrong first is what must be told.
    await sweep({ only: request.runId }).catch(() => undefined);
    await forgetKept(request.runId);
    throw error;
  }
}

export async function removeCluster(cluster: Cluster): Promise<void> {
  await sweep({ only: cluster.runId });
  await forgetKept(cluster.runId);
}

/** The container of a run's first node, where the engine has one. */
export async function nodeOf(runId: string): Promise<string | undefined> {
  const { container } = await containerEngine();
  const filters = { label: [`${labelKeys.run}=${runId}`] };
  // The engine lists the last one first.
  return (await container.dockerode.listContainers({ all: true, filters })).at(-1)?.Id;
}

/** Waits until the cluster's DNS serves: pods that start earlier would fail their first look-ups. */
export async function dnsMustBeReady(kube: Kube): Promise<void> {
  await deploymentMustBeReady(kube, 'kube-system', 'coredns');
}

async function startNew(request: ClusterRequest, configuration: KeptConfiguration): Promise<Cluster> {
  const { runId, images, keep, report, note, nodes = 1 } = request;
  const engine = await containerEngine();
  const labels = {
    [labelKeys.run]: runId,
    [labelKeys.owner]: encodeOwner(thisProcess()),
    [labelKeys.kept]: String(keep),
  };
  const network = `istio-external-proxy-conformance-${runId}`;
  const [sees] = await Promise.all([
    seesFilesHere(engine, images, labels),
    engine.network.create({ Name: network, Driver: 'bridge', Labels: labels }),
  ]);
  const facts = await nodeFacts(engine, network, images);
  const squidNeeds =
    images.source === 'registry' && (await mostOpenFiles(engine, images)) > nodeOpenFiles
      ? { nofile: { soft: nodeOpenFiles, hard: nodeOpenFiles } }
      : {};
  const dress: Dress = (container, log) => {
    container
      .withLabels(labels)
      // Podman hands its own proxy variables to containers; the mesh must know of one proxy alone.
      .withEnvironment(noProxies)
      .withNetworkMode(network)
      // Squid 3.5 sizes a table by the limit of open files, and the document's configuration leaves that limit alone:
      // where the engine hands down a billion, it cannot start (sameersbn/docker-squid, squid-cache/squid#2483).
      .withUlimits(squidNeeds)
      // Attached before the start: testcontainers removes a container that never became ready, and its log with it.
      .withLogConsumer((stream: Readable) => {
        const take = lineSplitter((line) => {
          log.push(line);
          if (log.length > logKept) log.shift();
        });
        stream.on('data', (chunk: Buffer | string) => {
          take(Buffer.from(chunk));
        });
      })
      .withStartupTimeout(timeouts.clusterReady);
    return container;
  };
  const log: string[] = [];
  const [first, ...further] = membersOf(nodes);
  const server = (holds: Holds): NodeContainer =>
    dress(new NodeContainer({ ...facts, ...holds, ...first }).withNetworkAliases(alias), log);
  // Sets that share all their pods' images share an archive.
  const archives = [
    ...new Map([request.images, ...request.others].map(({ archive }) => [archive.digest, archive])).values(),
  ];
  const inNode = archives.map(({ path }) => ({ source: path, target: `${imagesFolder}/${basename(path)}` }));
  let held: Holds = { mounts: [], copies: inNode };
  if (!sees) note("  the engine does not see this machine's files: the images are copied into the node");
  else {
    const store = await preparedStore({
      ...{ runId, key: imagesKeyOf(configuration), images, imagesFolder, report },
      archives,
    });
    held = { mounts: store === undefined ? inNode : [{ source: store, target: preparedFolder }], copies: [] };
  }
  report('waiting for the node');
  try {
    const started = await server(held).start();
    const failure = importFailure(log);
    if (failure !== undefined) {
      await started.stop();
      throw new Error(`it could not import the images: ${failure}`);
    }
    for (const promise of brokenPromises(log)) note(`  the node: ${promise}`);
    const kubeconfig = started.getKubeConfig();
    const node = { ...facts, ...held };
    const agents = await startAgents(further, { node, server: alias, kubeconfig, dress, report });
    const cluster: Cluster = {
      runId,
      kubeconfig,
      internalKubeconfig: started.getAliasedKubeConfig(alias),
      network,
      containerId: started.getId(),
      ...(agents.length === 0 ? {} : { agents }),
      reused: false,
    };
    if (keep) await rememberKept(cluster, configuration);
    return cluster;
  } catch (error) {
    if (error instanceof NodeNotReadyError) throw error;
    // One that ended at once was not followed yet, and is still there.
    const printed = log.length > 0 ? log : await printedBy(runId).catch(() => []);
    throw new NodeNotReadyError(images.images.k3s.reference, printed, error);
  }
}

/** What the node is started with that only the engine knows. */
async function nodeFacts(
  { container, info }: ContainerRuntimeClient,
  network: string,
  { images }: ImageSet,
): Promise<Omit<NodeRequest, keyof Holds>> {
  const { dockerode } = container;
  const image = images.k3s.reference;
  const [{ Config }, { IPAM }, engine] = await Promise.all([
    dockerode.getImage(image).inspect(),
    dockerode.getNetwork(network).inspect(),
    dockerode.info() as Promise<{ readonly CgroupVersion?: string }>,
  ]);
  return {
    image,
    entrypoint: [Config.Entrypoint].flat().filter((word) => word !== undefined),
    host: info.containerRuntime.host,
    oneHierarchy: engine.CgroupVersion === '2',
    gateway: IPAM?.Config?.[0]?.['Gateway'],
  };
}

/** What the engine hands down. To raise it takes CAP_SYS_RESOURCE, so it is asked and not just set. */
async function mostOpenFiles({ container }: ContainerRuntimeClient, { images }: ImageSet): Promise<number> {
  const { dockerode } = container;
  const image = images.curl.reference;
  const facts = await containerFacts({ dockerode, image, privileged: false }).catch(() => undefined);
  return facts?.mostOpenFiles ?? Infinity;
}

async function printedBy(runId: string): Promise<readonly string[]> {
  const node = await nodeOf(runId);
  if (node === undefined) return [];
  const { container } = await containerEngine();
  const log = await logOf(container.dockerode.getContainer(node), logKept);
  return log.trimEnd().split('\n');
}

/**
 * Whether the engine binds files of this machine. A socket here does not say so: a CI job may be a container that was given
 * the engine's socket. Nor does a path of the cache: a bind of the short form makes an empty folder of what is missing.
 */
async function seesFilesHere(
  { container: { dockerode } }: ContainerRuntimeClient,
  { images }: ImageSet,
  labels: Readonly<Record<string, string>>,
): Promise<boolean> {
  return withTemporaryFolder(async (folder) => {
    const Mounts: MountSettings[] = [{ Type: 'bind', Source: folder, Target: '/here' }];
    const options = { Image: images.curl.reference, Labels: labels, HostConfig: { Mounts } };
    // Copying serves wherever this fails, whatever an engine's words for it are.
    const made = await dockerode.createContainer(options).catch(() => undefined);
    await made?.remove({ force: true });
    return made !== undefined;
  });
}
