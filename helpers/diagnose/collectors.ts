import type { Cluster } from '../cluster/cluster.ts';
import type { ImageSet } from '../images/roles.ts';
import { type Finding, renderTrip } from '../trip/finding.ts';
import type { Endpoint } from '../trip/endpoint.ts';
import type { Trip } from '../trip/statements.ts';
import { envoyCollectors } from './collect.envoy.ts';
import { istioctlCollectors, istioCollectors } from './collect.istio.ts';
import { nodeCollectors, type NodeAt } from './collect.node.ts';
import { eventCollector, objectCollectors, objectsAt } from './collect.objects.ts';
import { listPods, namespaceCollectors, type PodList } from './collect.pods.ts';
import { squidCollectors } from './collect.squid.ts';
import { given, type Collector } from './collector.ts';
import type { Source } from './source.ts';
import { json } from './texts.ts';

export interface EvidenceRequest {
  /** Folder to make, e.g. reports/<run>/evidence/MESH-2. */
  readonly folder: string;
  /** e.g. "MESH-2 failed: PASSTHROUGH". */
  readonly title: string;
  /** Undefined when the set-up failed before it had one. */
  readonly cluster: Cluster | undefined;
  /** The node's container, for a set-up that made one but no usable cluster. */
  readonly containerId?: string | undefined;
  /** What the node printed until its container was removed. */
  readonly nodeLog?: string | undefined;
  readonly images: ImageSet | undefined;
  /** In an existing cluster, the only namespaces to look at; all when not given. */
  readonly namespaces?: readonly string[] | undefined;
  readonly findings: readonly Finding[];
  readonly trips: readonly Trip[];
  /** PROXY_IP:PROXY_PORT, when known. */
  readonly proxy: Endpoint | undefined;
  /** Text of the errors that made the step fail. */
  readonly message: string;
}

/** What collectors ask, and when it is there. */
interface Subjects {
  /** What the suite knows of the failure: always. */
  readonly failure: EvidenceRequest;
  /** A node's container: when the engine has one. */
  readonly node: NodeAt;
  /** The cluster: when its API server answers. */
  readonly cluster: Source;
  /** The cluster's pods: when they are listed. */
  readonly pods: PodList;
}

type Entry = {
  readonly [Of in keyof Subjects]: {
    /** What it collects: a file of the bundle, or a folder with a slash at the end. */
    readonly at: string;
    readonly of: Of;
    readonly collect: (subject: Subjects[Of]) => readonly Collector[];
  };
};

/**
 * Everything that is collected, in the order in which people read who look for the cause. A new collector is an entry
 * here, or in the list of the function that an entry names.
 */
export const catalogue: readonly Entry[keyof Subjects][] = [
  known(
    'failure.txt',
    'What failed, in the words of the report',
    ({ title, message }) => `${title}\n\n${message}\n`,
  ),
  known('findings.json', 'The findings with their causes', ({ findings }) => json(findings)),
  known('trips.txt', 'The requests: what each witness said, side by side, then the raw lines', ({ trips }) =>
    trips.length === 0 ? undefined : trips.map(tripText).join('\n'),
  ),
  known('trips.json', 'The same as data', ({ trips }) => (trips.length === 0 ? undefined : json(trips))),
  { at: 'pods.txt', of: 'cluster', collect: (source) => [podCollector(source)] },
  { at: 'events.txt', of: 'cluster', collect: ({ api }) => [eventCollector(api)] },
  { at: 'envoy/', of: 'pods', collect: envoyCollectors },
  { at: 'squid/', of: 'pods', collect: squidCollectors },
  { at: 'istio/', of: 'cluster', collect: ({ api }) => istioCollectors(api) },
  { at: 'istioctl/', of: 'cluster', collect: istioctlCollectors },
  { at: 'objects/', of: 'cluster', collect: ({ api }) => objectCollectors(api) },
  { at: 'namespaces/', of: 'pods', collect: namespaceCollectors },
  known(
    'node/last.log',
    'What the node printed last, kept in case its container is gone',
    ({ nodeLog }) => nodeLog,
  ),
  { at: 'node/', of: 'node', collect: nodeCollectors },
  {
    at: 'node/',
    of: 'cluster',
    collect: ({ api }) => [
      objectsAt(
        api,
        'node/nodes.yaml',
        'The nodes as the API server has them, with their conditions',
        '/api/v1/nodes',
      ),
    ],
  },
  known('images.json', 'The images the run was made with', ({ images }) =>
    images === undefined ? undefined : json(images),
  ),
];

/** What the suite itself knows; no row when `text` gives undefined. */
function known(
  at: string,
  what: string,
  text: (failure: EvidenceRequest) => string | undefined,
): Entry['failure'] {
  return { at, of: 'failure', collect: (failure) => [given(at, what, () => text(failure))] };
}

export function collectorsOf<Of extends keyof Subjects>(of: Of, subject: Subjects[Of]): Collector[] {
  const entries = catalogue.filter((entry): entry is Entry[Of] => entry.of === of);
  return entries.flatMap(({ collect }) => collect(subject));
}

/** Lists all pods in one table, and leads to everything that is collected of pods. */
export function podCollector(source: Source): Collector {
  return {
    file: 'pods.txt',
    what: 'All pods: how far they are, restarts, addresses',
    collect: async (signal) => {
      const { text, pods } = await listPods(source, signal);
      return { text, more: collectorsOf('pods', pods) };
    },
  };
}

/** The rows in the catalogue's order; those of one entry as they were collected. */
export function inReadingOrder<Row extends { readonly file: string }>(rows: readonly Row[]): Row[] {
  const rank = ({ file }: Row): number => {
    const index = catalogue.findIndex(({ at }) => file.startsWith(at));
    return index === -1 ? catalogue.length : index;
  };
  return [...rows].sort((a, b) => rank(a) - rank(b));
}

function tripText(trip: Trip): string {
  const { sidecar = [], proxy = [], origin = [] } = trip;
  const lines = [...sidecar, ...proxy, ...origin].map(({ witness, line }) => `${witness}: ${line}`);
  const unmatched = trip.unmatched.map(({ witness, line, why }) => `${witness}: ${line}\n    ${why}`);
  return [
    renderTrip(trip),
    ...section('Its lines', lines),
    ...section('Lines since it began that are not its own', unmatched),
    '',
  ].join('\n');
}

function section(heading: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', `${heading}:`, ...lines];
}
