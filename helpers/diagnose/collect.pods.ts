import { z } from 'zod';
import { textTable } from '../text-table.ts';
import { given, type Collector } from './collector.ts';
import { listObjects, type Api, type ApiObject, type Source } from './source.ts';
import { endOf, logLimits, manifests } from './texts.ts';

/** The pods of a cluster, and how to ask for more. */
export interface PodList {
  readonly source: Source;
  /** As the API server gives them, and as parsed. */
  readonly listed: readonly { readonly object: ApiObject; readonly pod: Pod }[];
}

export async function listPods(
  source: Source,
  signal: AbortSignal,
): Promise<{ readonly text: string; readonly pods: PodList }> {
  const objects = await listObjects(source.api, '/api/v1/pods', signal);
  const listed = objects.map((object) => ({ object, pod: podSchema.parse(object) }));
  return { text: podTable(listed.map(({ pod }) => pod)), pods: { source, listed } };
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

/** Of each namespace its pods' manifests and logs. */
export function namespaceCollectors({ source, listed }: PodList): Collector[] {
  const namespaces = Map.groupBy(listed, ({ pod }) => pod.metadata.namespace);
  return [...namespaces.keys()].sort().flatMap((namespace) => {
    const own = namespaces.get(namespace) ?? [];
    return [
      given(`namespaces/${namespace}/pods.yaml`, `Pods of namespace ${namespace}`, () =>
        manifests(own.map(({ object }) => object)),
      ),
      ...own.flatMap(({ pod }) => logCollectors(source.api, pod)),
    ];
  });
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

const container = z.looseObject({ name: z.string() });
const state = z.record(z.string(), z.looseObject({ reason: z.string().optional() }));
const status = z.looseObject({
  name: z.string(),
  ready: z.boolean().default(false),
  restartCount: z.number().default(0),
  state: state.default({}),
});

/** The fields of a pod that decide what is collected of it. */
const podSchema = z.looseObject({
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string(),
    labels: z.record(z.string(), z.string()).default({}),
    deletionTimestamp: z.string().optional(),
  }),
  spec: z.looseObject({
    nodeName: z.string().optional(),
    initContainers: z.array(container).default([]),
    containers: z.array(container).default([]),
  }),
  status: z
    .looseObject({
      phase: z.string().optional(),
      podIP: z.string().optional(),
      initContainerStatuses: z.array(status).default([]),
      containerStatuses: z.array(status).default([]),
    })
    .prefault({}),
});

export type Pod = z.infer<typeof podSchema>;
type ContainerStatus = z.infer<typeof status>;

export const sidecarContainer = 'istio-proxy';

/** All containers of a pod; a native sidecar is an init container that keeps running. */
export function containersOf(pod: Pod): string[] {
  return [...pod.spec.initContainers, ...pod.spec.containers].map(({ name }) => name);
}

function statusOf(pod: Pod, name: string): ContainerStatus | undefined {
  return statusesOf(pod).find((candidate) => candidate.name === name);
}

function statusesOf(pod: Pod): ContainerStatus[] {
  return [...pod.status.initContainerStatuses, ...pod.status.containerStatuses];
}

export function runs(pod: Pod, name: string): boolean {
  return statusOf(pod, name)?.state['running'] !== undefined;
}
