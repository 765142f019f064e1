import { z } from 'zod';
import { formatEndpoint, sameIp, type Endpoint } from '../trip/endpoint.ts';
import { given, type Collector } from './collector.ts';
import { containersOf, runs, sidecarContainer, type Pod, type PodList } from './collect.pods.ts';
import { output, type Source } from './source.ts';
import { json } from './texts.ts';

/** What the Envoy of each pod holds, asked of its admin interface through pilot-agent. */
export function envoyCollectors({ source, listed }: PodList): Collector[] {
  return listed.flatMap(({ pod }) => ofPod(source, pod));
}

function ofPod(source: Source, pod: Pod): Collector[] {
  if (!containersOf(pod).includes(sidecarContainer)) return [];
  const { namespace, name } = pod.metadata;
  const folder = `envoy/${namespace}.${name}`;
  const admin = async (path: string): Promise<string> => {
    if (!runs(pod, sidecarContainer)) throw new Error('the sidecar does not run');
    const target = { namespace, pod: name, container: sidecarContainer };
    return output(source, target, ['pilot-agent', 'request', 'GET', path]);
  };
  const page = (path: string, file: string, what: string): Collector => ({
    file: `${folder}/${file}`,
    what,
    collect: async () => ({ text: await admin(path) }),
  });
  return [
    {
      file: `${folder}/config_dump.json`,
      what: 'The whole configuration of Envoy, without its secrets',
      collect: async () => {
        const dump = parseDump(await admin('config_dump'));
        return { text: json(withoutSecrets(dump)), more: proxyCollectors(source, folder, dump) };
      },
    },
    page('listeners', 'listeners.txt', "Envoy's listeners and their addresses"),
    page('clusters', 'clusters.txt', "Envoy's clusters: endpoints, health, counters"),
    page('server_info', 'server_info.json', 'Version, state and start options of Envoy'),
  ];
}

/** What the configuration does with a connection to the proxy. */
function proxyCollectors({ proxy }: Source, folder: string, dump: ReturnType<typeof parseDump>): Collector[] {
  if (proxy === undefined) return [];
  const { listeners, routes, clusters } = pathTo(dump, proxy);
  const where = formatEndpoint(proxy);
  return [
    given(
      `${folder}/proxy-listeners.json`,
      listeners.length === 0
        ? `Listeners for ${where}: none, so a connection goes through PassthroughCluster or BlackHoleCluster`
        : `Listeners for ${where}: ${listeners.map(describeListener).join(', ')}`,
      () => json(listeners),
    ),
    ...(routes.length === 0
      ? []
      : [given(`${folder}/proxy-routes.json`, `Routes that these listeners name`, () => json(routes))]),
    given(
      `${folder}/proxy-clusters.json`,
      `Clusters that these lead to, as far as there are any: ${clusters.length}`,
      () => json(clusters),
    ),
  ];
}

const section = z.looseObject({ '@type': z.string() });
const dumpSchema = z.looseObject({ configs: z.array(section).default([]) });

export type ConfigDump = z.infer<typeof dumpSchema>;

export function parseDump(text: string): ConfigDump {
  return dumpSchema.parse(JSON.parse(text));
}

/** The dump without the part that holds certificates and keys; Envoy blanks the keys, but need not be relied upon. */
export function withoutSecrets(dump: ConfigDump): ConfigDump {
  return { ...dump, configs: dump.configs.filter(({ '@type': type }) => !type.includes('Secrets')) };
}

const socketAddress = z.object({ socket_address: z.object({ address: z.string(), port_value: z.number() }) });
const listenerSchema = z.looseObject({
  address: z.unknown().optional(),
  additional_addresses: z.array(z.looseObject({ address: z.unknown() })).default([]),
});
const named = z.looseObject({ name: z.string() });

/** The listeners that take a connection to an address, with their state, and the routes and clusters they lead to. */
export function pathTo(
  dump: ConfigDump,
  endpoint: Endpoint,
): { listeners: unknown[]; routes: unknown[]; clusters: unknown[] } {
  const listeners = entries(dump, 'ListenersConfigDump').filter((entry) =>
    inside(entry, 'listener').some((listener) => takes(listener, endpoint)),
  );
  const routeNames = new Set(texts(listeners, 'route_config_name'));
  const routes = entries(dump, 'RoutesConfigDump').filter((entry) =>
    isNamed(inside(entry, 'route_config'), routeNames),
  );
  const paths = [listeners, routes];
  const clusterNames = new Set([
    ...texts(paths, 'cluster'),
    ...inside(paths, 'weighted_clusters').flatMap((weighted) => texts(weighted, 'name')),
  ]);
  const clusters = entries(dump, 'ClustersConfigDump').filter((entry) =>
    isNamed(inside(entry, 'cluster'), clusterNames),
  );
  return { listeners, routes, clusters };
}

/** The entries of all lists of a section: static ones, dynamic ones, warming ones. */
function entries(dump: ConfigDump, type: string): unknown[] {
  return dump.configs
    .filter((config) => config['@type'].endsWith(type))
    .flatMap((config) => Object.values(config))
    .flatMap((list): unknown[] => (Array.isArray(list) ? list : []));
}

/** How far a listener is, e.g. `10.42.0.5_3128 (active)`; one that drains takes no new connections. */
export function describeListener(entry: unknown): string {
  const parsed = named.safeParse(entry);
  const states = typeof entry === 'object' && entry !== null ? Object.keys(entry) : [];
  const state = states.filter((key) => key.endsWith('_state')).map((key) => key.replace('_state', ''));
  return `${parsed.success ? parsed.data.name : 'unnamed'} (${state.join(', ') || 'static'})`;
}

function takes(listener: unknown, { ip, port }: Endpoint): boolean {
  const parsed = listenerSchema.safeParse(listener);
  if (!parsed.success) return false;
  const addresses = [parsed.data.address, ...parsed.data.additional_addresses.map(({ address }) => address)];
  return addresses.some((candidate) => {
    const result = socketAddress.safeParse(candidate);
    if (!result.success) return false;
    const { address, port_value } = result.data.socket_address;
    return port_value === port && ['0.0.0.0', '::', ip].some((one) => sameIp(one, address));
  });
}

function isNamed(values: readonly unknown[], names: ReadonlySet<string>): boolean {
  return values.some((value) => {
    const result = named.safeParse(value);
    return result.success && names.has(result.data.name);
  });
}

/** The values of all fields of this name, however deep. */
function inside(value: unknown, field: string): unknown[] {
  if (Array.isArray(value)) return value.flatMap((inner: unknown) => inside(inner, field));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]: [string, unknown]) => [
    ...(name === field ? [inner] : []),
    ...inside(inner, field),
  ]);
}

function texts(value: unknown, field: string): string[] {
  return inside(value, field).filter((inner) => typeof inner === 'string');
}
