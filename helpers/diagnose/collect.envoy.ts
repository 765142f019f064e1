import { formatEndpoint } from '../trip/endpoint.ts';
import { json, given, type Collector } from './collector.ts';
import { describeListener, parseDump, pathTo, withoutSecrets } from './envoy-dump.ts';
import { containersOf, runs, sidecarContainer, type Pod } from './pod.ts';
import { output, type Source } from './source.ts';

/** What a pod's Envoy holds, asked of its admin interface through pilot-agent. */
export function collectEnvoy(source: Source, pod: Pod): Collector[] {
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
