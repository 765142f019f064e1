import type { V1Pod } from '@kubernetes/client-node';
import { z } from 'zod';
import { clusterName } from '../document/edition.ts';
import { chainsOf } from '../istio/config-dump.ts';
import {
  discoveryAddress,
  drainTimeMs,
  dumpEntries,
  sidecarOf,
  startsBeforeItsApplications,
  type SidecarPod,
} from '../istio/sidecar.ts';
import type { Kube } from '../kube/client.ts';
import { livePods } from '../kube/workloads.ts';
import type { Observation, ObservedLimit } from '../results/gate.ts';
import { logSinks } from '../trip/access-log-format.ts';
import type { Endpoint } from '../trip/endpoint.ts';

/** The proxy as its ServiceEntry has it. */
export interface ProxyOfEntry extends Endpoint {
  /** The entry's host, which names the cluster. */
  readonly host: string;
}

/** What a sidecar itself tells for an {@link Observation}. */
export type SidecarObservation = Pick<Observation, 'images' | 'config' | 'limits'> & {
  readonly accessLogFormat: string;
};

/**
 * Asks a sidecar for what is compared. To be called while the ServiceEntry for the proxy is applied: with it go the
 * listener and the cluster.
 */
export async function observeSidecar(
  kube: Kube,
  pod: SidecarPod,
  proxy: ProxyOfEntry,
): Promise<SidecarObservation> {
  const [carrier, discovery, drainMs, listeners, clusters, routes] = await Promise.all([
    kube.core.readNamespacedPod({ namespace: pod.namespace, name: pod.pod }),
    discoveryAddress(kube, pod),
    drainTimeMs(kube, pod),
    dumpEntries(kube, pod, 'dynamic_listeners'),
    dumpEntries(kube, pod, 'dynamic_active_clusters'),
    dumpEntries(kube, pod, 'dynamic_route_configs'),
  ]);
  return {
    images: { pilot: await pilotImage(kube, discovery), proxyv2: sidecarOf(carrier)?.image ?? '' },
    limits: [drainTime(drainMs), ...(startsBeforeItsApplications(carrier) ? [] : [earlyRequests])],
    ...fromDump({ listeners, clusters, routes }, proxy),
  };
}

/** Met only by who has a tunnel open while its listener changes. */
function drainTime(limit: number): ObservedLimit {
  const told = `connections on a listener that changes are closed after ${limit / 1000} s`;
  return { what: 'drain time', told, limit };
}

/** The live traffic's clients ask until they are answered, as not every application does. */
const earlyRequests = {
  what: 'start order',
  told: 'applications start before their sidecar is ready, which refuses what they ask then',
};

/** The image of the control plane that a sidecar was told to follow; several during a rollout. */
async function pilotImage(kube: Kube, discovery: string): Promise<string> {
  const [name = '', namespace = ''] = (discovery.split(':')[0] ?? '').split('.');
  if (name === '' || namespace === '') return '';
  const pods = await podsBehind(kube, namespace, name);
  const images = pods.map(
    ({ spec }) => spec?.containers.find((one) => one.name === 'discovery')?.image ?? '',
  );
  return [...new Set(images)].sort().join(', ');
}

/** A revision tag's Service selects another revision's pods, so its selector counts and not its name. */
async function podsBehind(kube: Kube, namespace: string, name: string): Promise<V1Pod[]> {
  // Listed, since that is what the least rights allow. The sidecar may outlive the revision it was started with.
  const { items } = await kube.core.listNamespacedService({
    namespace,
    fieldSelector: `metadata.name=${name}`,
  });
  const [service] = items;
  const selector = Object.entries(service?.spec?.selector ?? {}).map(([key, value]) => `${key}=${value}`);
  return selector.length === 0 ? [] : livePods(kube, namespace, selector.join(','));
}

const named = z.looseObject({ name: z.string() });
const errorState = z.looseObject({ details: z.string().optional() }).optional();
const listenerEntry = z.looseObject({
  active_state: z.looseObject({ listener: named }).optional(),
  error_state: errorState,
});
const clusterEntry = z.looseObject({ cluster: named, error_state: errorState });
const routeEntry = z.looseObject({ route_config: z.looseObject({ name: z.string().optional() }) });

/** Parts of Envoy's config dump, entry by entry. */
export interface DumpEntries {
  readonly listeners: readonly unknown[];
  readonly clusters: readonly unknown[];
  readonly routes: readonly unknown[];
}

/** Names of the listeners that may carry a connection to the proxy: the first that exists does. */
export function carriersOf({ ip, port }: Endpoint): string[] {
  return [ip, '0.0.0.0', '::'].map((address) => `${address}_${port}`);
}

/** What of a config dump concerns a connection to the proxy, and connections to addresses the mesh does not know. */
export function fromDump(
  dump: DumpEntries,
  proxy: ProxyOfEntry,
): Pick<SidecarObservation, 'config' | 'accessLogFormat'> {
  const listeners = dump.listeners
    .map((entry) => listenerEntry.parse(entry))
    .flatMap(({ active_state, error_state }) =>
      active_state === undefined ? [] : [withRejection(active_state.listener, error_state?.details)],
    );
  const byName = (...names: readonly string[]): z.infer<typeof named> | null =>
    names.flatMap((name) => listeners.filter((listener) => listener.name === name))[0] ?? null;
  // Without an address in the ServiceEntry the wildcard takes the connection.
  const listener = byName(...carriersOf(proxy));
  const wanted = clusterName(proxy.host, proxy.port);
  const cluster = dump.clusters
    .map((entry) => clusterEntry.parse(entry))
    .find((entry) => entry.cluster.name === wanted);
  const routes = dump.routes
    .map((entry) => routeEntry.parse(entry).route_config)
    .filter((route) => mentions(route, proxy));
  const virtualOutbound = byName('virtualOutbound');
  return {
    config: {
      proxy: { ip: proxy.ip, port: proxy.port },
      listener,
      cluster: cluster === undefined ? null : withRejection(cluster.cluster, cluster.error_state?.details),
      routes,
      outbound: virtualOutbound === null ? null : outline(virtualOutbound),
    },
    accessLogFormat: accessLogFormat(listener ?? virtualOutbound),
  };
}

/** Envoy keeps the old configuration when it rejects a new one, so what it holds alone would look sound. */
function withRejection<T extends object>(held: T, details: string | undefined): T {
  return details === undefined ? held : { ...held, rejected_update: details };
}

function mentions(
  route: z.infer<typeof routeEntry>['route_config'],
  { ip, port, host }: ProxyOfEntry,
): boolean {
  if (route.name === `${port}` || route.name?.endsWith(`:${port}`) === true) return true;
  const text = JSON.stringify(route);
  return text.includes(host) || [`"${ip}"`, `"${ip}:`, `"${ip}/`].some((said) => text.includes(said));
}

/** Where the chains of a listener lead, without how: the rest of the catch-all listener is its own, not the document's. */
function outline(listener: unknown): unknown {
  return {
    filter_chains: chainsOf(listener).map((one) => ({
      name: one.name,
      filters: one.filters.map(({ name, typed_config }) =>
        typed_config?.cluster === undefined ? { name } : { name, cluster: typed_config.cluster },
      ),
    })),
  };
}

/** The format of the first access log of the listener's filters that has one. */
function accessLogFormat(listener: unknown): string {
  if (listener === null) return '';
  const loggers = chainsOf(listener).flatMap((one) =>
    one.filters.flatMap(({ typed_config }) => typed_config?.access_log ?? []),
  );
  const [first] = logSinks(loggers).flatMap(({ format }) => format ?? []);
  if (first === undefined) return '';
  return first.encoding === 'json' ? JSON.stringify(first.format) : String(first.format);
}
