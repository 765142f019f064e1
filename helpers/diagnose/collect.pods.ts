import { collectEnvoy } from './collect.envoy.ts';
import { collectSquid } from './collect.squid.ts';
import { given, type Collector } from './collector.ts';
import { endOf, logLimits } from './cut.ts';
import { listObjects, type Api, type ApiObject } from './api.ts';
import { manifests } from './manifests.ts';
import { containersOf, podSchema, sidecarContainer, statusesOf, statusOf, type Pod } from './pod.ts';
import type { Source } from './source.ts';
import { textTable } from './table.ts';

/** Every pod in one table, and from there all that is known of each. */
export function podCollector(source: Source): Collector {
  return {
    file: 'pods.txt',
    what: 'All pods: how far they are, restarts, addresses',
    collect: async (signal) => {
      const objects = await listObjects(source.api, '/api/v1/pods', signal);
      const pods = objects.map((object) => podSchema.parse(object));
      const more = [
        ...pods.flatMap((pod) => [...collectEnvoy(source, pod), ...collectSquid(source, pod)]),
        ...namespaceCollectors(source.api, objects, pods),
      ];
      return { text: podTable(pods), more };
    },
  };
}

function podTable(pods: readonly Pod[]): string {
  return textTable(
    ['NAMESPACE', 'POD', 'PHASE', 'READY', 'RESTARTS', 'IP', 'NODE', 'NOT READY'],
    pods.map((pod) => {
      const { metadata, spec, status } = pod;
      const statuses = statusesOf(pod);
      const ready = status.containerStatuses.filter((one) => one.ready).length;
      return [
        metadata.namespace,
        metadata.name,
        metadata.deletionTimestamp === undefined ? (status.phase ?? '?') : 'being deleted',
        `${ready}/${spec.containers.length}`,
        String(statuses.reduce((sum, { restartCount }) => sum + restartCount, 0)),
        status.podIP ?? '-',
        spec.nodeName ?? '-',
        statuses
          .flatMap(({ name, ready: isReady, state }) => {
            const [kind, details] = Object.entries(state)[0] ?? ['unknown', {}];
            return isReady
              ? []
              : [`${name} ${kind}${details.reason === undefined ? '' : ` (${details.reason})`}`];
          })
          .join(', '),
      ];
    }),
  );
}

function namespaceCollectors(api: Api, objects: readonly ApiObject[], pods: readonly Pod[]): Collector[] {
  const namespaces = [...new Set(pods.map(({ metadata }) => metadata.namespace))].sort();
  return namespaces.flatMap((namespace) => [
    given(`namespaces/${namespace}/pods.yaml`, `Pods of namespace ${namespace}`, () =>
      manifests(objects.filter((_, index) => pods[index]?.metadata.namespace === namespace)),
    ),
    ...pods
      .filter(({ metadata }) => metadata.namespace === namespace)
      .flatMap((pod) => logCollectors(api, pod)),
  ]);
}

function logCollectors(api: Api, pod: Pod): Collector[] {
  return containersOf(pod).flatMap((container) => {
    const restarted = (statusOf(pod, container)?.restartCount ?? 0) > 0;
    return [
      logCollector(api, pod, container, false),
      ...(restarted ? [logCollector(api, pod, container, true)] : []),
    ];
  });
}

function logCollector(api: Api, pod: Pod, container: string, previous: boolean): Collector {
  const { namespace, name } = pod.metadata;
  const query = new URLSearchParams({
    container,
    tailLines: String(logLimits.lines + 1),
    ...(previous ? { previous: 'true' } : {}),
  });
  return {
    file: `namespaces/${namespace}/${name}.${container}${previous ? '.previous' : ''}.log`,
    what: `${previous ? 'Log before the last restart' : 'Log'} of ${whose(pod, container)}`,
    collect: async (signal) =>
      endOf(await api.get(`/api/v1/namespaces/${namespace}/pods/${name}/log?${query.toString()}`, signal)),
  };
}

function whose(pod: Pod, container: string): string {
  if (pod.metadata.labels['app'] === 'istiod') return 'istiod, the control plane';
  if (container === sidecarContainer) return "the sidecar: pilot-agent's, Envoy's, and the access log";
  return `container ${container}`;
}
