import type { V1Container, V1Pod } from '@kubernetes/client-node';
import { z } from 'zod';
import type { Kube } from '../kube/client.ts';
import { execOrThrow, type PodRef } from '../kube/exec.ts';
import { getFromPod } from '../kube/forward.ts';
import { containerStatuses } from '../kube/workloads.ts';
import { type ClusterNames, countersFilter, parseCounters, type Counters } from '../trip/counters.ts';
import { activeListeners, clustersIn, type EnvoyCluster, type Listener } from './config-dump.ts';
import type { Revision } from './revision.ts';

const sidecarName = 'istio-proxy';

/** How a pod carries its sidecar: an ordinary container, or (Istio ≥ 1.27 on Kubernetes ≥ 1.33) an init container that keeps running. */
export interface InjectedSidecar {
  readonly kind: 'container' | 'native';
  readonly image: string;
  readonly ready: boolean;
}

/** The sidecar's container as the pod is specified, undefined when the pod has none. */
export function sidecarContainerOf({ spec }: V1Pod): V1Container | undefined {
  const all = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
  return all.find(({ name }) => name === sidecarName);
}

/** The sidecar in a pod's specification and status, undefined when the pod has none. */
export function sidecarOf(pod: V1Pod): InjectedSidecar | undefined {
  const found = sidecarContainerOf(pod);
  if (found === undefined) return undefined;
  const status = containerStatuses(pod).find(({ name }) => name === sidecarName);
  return {
    kind: pod.spec?.containers.includes(found) === true ? 'container' : 'native',
    image: found.image ?? '',
    ready: status?.ready ?? false,
  };
}

const injectionStatus = z.looseObject({ revision: z.string().default('default') });

/** The revision whose injector gave the pod its sidecar, and whose control plane that belongs to. */
export function revisionIn({ metadata }: V1Pod): Revision {
  const status = metadata?.annotations?.['sidecar.istio.io/status'] ?? '{}';
  const { revision } = injectionStatus.parse(JSON.parse(status));
  return revision === 'default' ? undefined : revision;
}

/**
 * Whether a pod's applications start only once its sidecar is ready: a native sidecar, or one that holds them
 * (holdApplicationUntilProxyStarts, which the injector makes a postStart hook of the first container).
 */
export function startsBeforeItsApplications(pod: V1Pod): boolean {
  if (sidecarOf(pod)?.kind === 'native') return true;
  const [first] = pod.spec?.containers ?? [];
  return first?.name === sidecarName && first.lifecycle?.postStart?.exec?.command?.includes('wait') === true;
}

/** Whether a pod's sidecar answers its DNS: names of ServiceEntries without addresses get one that istiod allocated then. */
export function answersDns(pod: V1Pod): boolean {
  return hasVariable(pod, 'ISTIO_META_DNS_CAPTURE', 'true');
}

/** Whether nothing brings a pod's connections to its sidecar: applications must ask it themselves (interception mode NONE). */
export function interceptsNothing(pod: V1Pod): boolean {
  return hasVariable(pod, 'ISTIO_META_INTERCEPTION_MODE', 'NONE');
}

function hasVariable(pod: V1Pod, variable: string, wanted: string): boolean {
  const env = sidecarContainerOf(pod)?.env ?? [];
  return env.some(({ name, value }) => name === variable && value === wanted);
}

const serverInfo = z.object({
  version: z.string(),
  node: z
    .object({
      metadata: z
        .object({
          ISTIO_VERSION: z.string().optional(),
          PROXY_CONFIG: z.looseObject({ discoveryAddress: z.string().optional() }).optional(),
        })
        .loose(),
    })
    .loose(),
});

export interface ProxyVersions {
  readonly istio: string;
  /** Envoy's version, e.g. `1.37.0`. */
  readonly envoy: string;
}

/** Versions that the running proxy itself tells. */
export async function proxyVersions(kube: Kube, pod: SidecarPod): Promise<ProxyVersions> {
  const { version, node } = serverInfo.parse(await adminJson(kube, pod, 'server_info'));
  return { istio: node.metadata.ISTIO_VERSION ?? '', envoy: version.split('/')[1] ?? version };
}

/** Where the sidecar was told to find its control plane, e.g. `istiod-1-29-1.istio-system.svc:15012`; '' when it does not tell. */
export async function discoveryAddress(kube: Kube, pod: SidecarPod): Promise<string> {
  const { node } = serverInfo.parse(await adminJson(kube, pod, 'server_info'));
  return node.metadata.PROXY_CONFIG?.discoveryAddress ?? '';
}

export interface SidecarPod {
  readonly namespace: string;
  readonly pod: string;
}

/** The sidecar's active dynamic listeners. */
export async function listeners(kube: Kube, pod: SidecarPod): Promise<Listener[]> {
  return activeListeners(await dumpEntries(kube, pod, 'dynamic_listeners'));
}

export async function clusters(kube: Kube, pod: SidecarPod): Promise<EnvoyCluster[]> {
  return clustersIn(await dumpEntries(kube, pod, 'dynamic_active_clusters'));
}

const rawDump = z.object({ configs: z.array(z.unknown()).default([]) });

/** Entries of Envoy's config dump with all that Envoy tells of them; none when it holds nothing of the kind. */
export async function dumpEntries(
  kube: Kube,
  pod: SidecarPod,
  resource: 'dynamic_listeners' | 'dynamic_active_clusters' | 'dynamic_route_configs',
): Promise<unknown[]> {
  return rawDump.parse(await adminJson(kube, pod, `config_dump?resource=${resource}`)).configs;
}

const endpointsDump = z.object({
  configs: z.array(z.looseObject({ endpoint_config: z.unknown() })).default([]),
});

/** What istiod told Envoy of the endpoints of these clusters (ClusterLoadAssignment). */
export async function endpointsOf(kube: Kube, pod: SidecarPod, names: readonly string[]): Promise<unknown[]> {
  if (names.length === 0) return [];
  const query = new URLSearchParams({
    resource: 'dynamic_endpoint_configs',
    include_eds: '',
    name_regex: exactly(names),
  });
  const { configs } = endpointsDump.parse(await adminJson(kube, pod, `config_dump?${query.toString()}`));
  return configs.map(({ endpoint_config: config }) => config);
}

/** Envoy filters by a regular expression; what it takes too much, the caller leaves out. */
function exactly(names: readonly string[]): string {
  return names.map((name) => `^${name.replace(/[^\w:]/g, '.')}$`).join('|');
}

const drainingServer = z.object({
  command_line_options: z.looseObject({ drain_time: z.string().regex(/^[0-9.]+s$/) }),
});

/** How long this Envoy keeps connections of a listener or filter chain that it replaced, in ms: then it closes them. */
export async function drainTimeMs(kube: Kube, pod: SidecarPod): Promise<number> {
  const { command_line_options: options } = drainingServer.parse(await adminJson(kube, pod, 'server_info'));
  return Math.round(Number.parseFloat(options.drain_time) * 1000);
}

/**
 * What Envoy counted of outbound connections so far, of those that it was told to count (countingAnnotations).
 * @param port Where the client connects to
 */
export async function outboundCounters(
  kube: Kube,
  pod: SidecarPod,
  names: ClusterNames,
  port: number,
): Promise<Counters> {
  const query = new URLSearchParams({ usedonly: '', filter: countersFilter });
  return parseCounters(await admin(kube, pod, `stats?${query.toString()}`), names, port);
}

/** What the mesh calls the outbound clusters of this sidecar, where not by their own names. */
export async function clusterNames(kube: Kube, pod: SidecarPod): Promise<ClusterNames> {
  const called = (await clusters(kube, pod)).flatMap(({ name, alt_stat_name: told }) => {
    // istiod ends each with a semicolon.
    const as = told.replace(/;$/, '');
    return name.startsWith('outbound|') && as !== '' && as !== name ? [{ name, as }] : [];
  });
  const groups = Map.groupBy(called, ({ as }) => as);
  return new Map([...groups].map(([as, all]) => [as, all.map(({ name }) => name)]));
}

/** A listener or cluster that Envoy holds, and since when. */
export interface Held {
  readonly name: string;
  /** When Envoy took it, ms since the epoch by the node's clock; 0 where Envoy does not say. */
  readonly since: number;
  readonly content: unknown;
}

const heldDump = z.object({
  configs: z
    .array(
      z.looseObject({
        active_state: z
          .looseObject({ listener: z.looseObject({ name: z.string() }), last_updated: z.string().optional() })
          .optional(),
        cluster: z.looseObject({ name: z.string() }).optional(),
        last_updated: z.string().optional(),
      }),
    )
    .default([]),
});

/** The active listeners or clusters of these names, in the order of the names. */
export async function held(
  kube: Kube,
  pod: SidecarPod,
  resource: 'dynamic_listeners' | 'dynamic_active_clusters',
  names: readonly string[],
): Promise<Held[]> {
  const query = new URLSearchParams({ resource, name_regex: exactly(names) });
  const { configs } = heldDump.parse(await adminJson(kube, pod, `config_dump?${query.toString()}`));
  const found = configs.flatMap(({ active_state: active, cluster: one, last_updated: updated }): Held[] => {
    const content = active?.listener ?? one;
    if (content === undefined) return [];
    const since = Date.parse(active?.last_updated ?? updated ?? '');
    return [{ name: content.name, since: Number.isNaN(since) ? 0 : since, content }];
  });
  return names.flatMap((name) => found.filter((one) => one.name === name));
}

async function adminJson(kube: Kube, pod: SidecarPod, path: string): Promise<unknown> {
  return JSON.parse(await admin(kube, pod, path)) as unknown;
}

const adminPort = 15000;

/**
 * Asks Envoy's admin interface: in a cluster of the suite's own by a forwarded port, in a third of the time; in an existing
 * one through pilot-agent, which is in every proxy image, since it needs no further right and the port may be another there.
 */
async function admin(kube: Kube, { namespace, pod }: SidecarPod, path: string): Promise<string> {
  if (kube.dress === undefined) return getFromPod(kube, { namespace, pod }, adminPort, path);
  const target: PodRef = { namespace, pod, container: sidecarName };
  return execOrThrow(kube, target, ['pilot-agent', 'request', 'GET', path]);
}
