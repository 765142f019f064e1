import type { Cluster } from '../cluster/cluster.ts';
import { messageOf } from '../errors.ts';
import type { ImageSet } from '../images/roles.ts';
import { timeouts } from '../timeouts.ts';
import type { Finding } from '../trip/finding.ts';
import type { Endpoint, Trip } from '../trip/statements.ts';
import { Bundle } from './bundle.ts';
import { openSource } from './cluster-source.ts';
import { failureCollectors } from './collect.failure.ts';
import { istioCollectors } from './collect.istio.ts';
import { istioctlCollectors } from './collect.istioctl.ts';
import { keptNodeLog, nodeCollectors } from './collect.node.ts';
import { objectCollectors } from './collect.objects.ts';
import { podCollector } from './collect.pods.ts';
import { json, type Collector, type EvidenceFile } from './collector.ts';
import { inReadingOrder, indexPage } from './index-page.ts';
import { redact } from './redact.ts';
import { runCollectors } from './run-collectors.ts';
import type { Source } from './source.ts';

export type { EvidenceFile } from './collector.ts';

export interface EvidenceRequest {
  /** Folder to make, e.g. reports/<run>/evidence/MESH-2. */
  readonly folder: string;
  /** e.g. "MESH-2 failed: PASSTHROUGH". */
  readonly title: string;
  /** Undefined when the set-up failed before there was one. */
  readonly cluster: Cluster | undefined;
  /** The node's container, where there is one without a cluster that could be described. */
  readonly containerId?: string | undefined;
  /** What the node printed until its container was removed. */
  readonly nodeLog?: string | undefined;
  readonly images: ImageSet | undefined;
  /** Namespaces that may be looked at, where the cluster is somebody else's; all when not given. */
  readonly namespaces?: readonly string[] | undefined;
  readonly findings: readonly Finding[];
  readonly trips: readonly Trip[];
  /** PROXY_IP:PROXY_PORT, when known. */
  readonly proxy: Endpoint | undefined;
  /** Text of the error or errors that made it fail. */
  readonly message: string;
}

/** Enough to keep two cores busy, and no storm on an API server that may be what is in trouble. */
const concurrency = 8;
/** For one file: the slowest, istioctl's, take 2 s on two cores. */
const eachMs = 20_000;

/**
 * Collects what somebody needs who was not there when a step failed, into one folder with an index. To be called
 * before anything is undone.
 *
 * Never throws, and takes no longer than `timeoutMs`: what cannot be had is in the index with the reason.
 */
export async function collectEvidence(
  request: EvidenceRequest,
  timeoutMs: number = timeouts.evidence,
): Promise<readonly EvidenceFile[]> {
  const limits = { concurrency, timeoutMs, eachMs: Math.min(eachMs, timeoutMs) };
  const bundle = new Bundle(request.folder);
  const write = (file: string, text: string): Promise<void> => bundle.write(file, text);
  const collectors = [
    ...failureCollectors(request),
    ...(request.nodeLog === undefined ? [] : [keptNodeLog(request.nodeLog)]),
    ...nodeCollectors(request.containerId ?? request.cluster?.containerId),
    clusterCollector(request, limits.eachMs),
  ];
  const started = new Date();
  const collected = (await runCollectors(collectors, write, limits)).map(redacted);
  return withIndex(request.title, started, inReadingOrder(collected), write);
}

/** The rows go to the caller as well, and an error's message may quote what was asked. */
function redacted(row: EvidenceFile): EvidenceFile {
  return row.problem === undefined ? row : { ...row, problem: redact(row.problem) };
}

/** Opens the cluster, and with it everything that has to be asked of its API server. */
function clusterCollector(
  { cluster, images, proxy, namespaces }: EvidenceRequest,
  limitMs: number,
): Collector {
  return {
    file: 'objects/version.json',
    what: "The API server's version; all objects, events, logs and Envoy's configuration are asked of it",
    collect: async (signal) => {
      if (cluster === undefined) throw new Error('there is no cluster');
      const source = await openSource({ cluster, images, proxy, namespaces }, limitMs);
      return { text: await source.api.get('/version', signal), more: sourceCollectors(source) };
    },
  };
}

/** The slowest first, then what may soon be gone. */
function sourceCollectors(source: Source): Collector[] {
  return [
    ...istioctlCollectors(source),
    podCollector(source),
    ...istioCollectors(source.api),
    ...objectCollectors(source.api),
  ];
}

async function withIndex(
  title: string,
  when: Date,
  files: readonly EvidenceFile[],
  write: (file: string, text: string) => Promise<void>,
): Promise<readonly EvidenceFile[]> {
  const rows: EvidenceFile[] = [...files];
  for (const [file, what, text] of [
    ['index.md', 'This index', indexPage(title, when, files)],
    ['index.json', 'The index as data', json({ title, when: when.toISOString(), files })],
  ] as const) {
    try {
      await write(file, text);
    } catch (error) {
      rows.push({ file, what, problem: messageOf(error) });
    }
  }
  return rows;
}
