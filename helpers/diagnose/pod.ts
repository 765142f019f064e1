import { z } from 'zod';

const container = z.looseObject({ name: z.string() });
const state = z.record(z.string(), z.looseObject({ reason: z.string().optional() }));
const status = z.looseObject({
  name: z.string(),
  ready: z.boolean().default(false),
  restartCount: z.number().default(0),
  state: state.default({}),
});

/** The fields of a pod that decide what is collected of it. */
export const podSchema = z.looseObject({
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
export type ContainerStatus = z.infer<typeof status>;

export const sidecarContainer = 'istio-proxy';

/** All containers of a pod; a native sidecar is an init container that keeps running. */
export function containersOf(pod: Pod): string[] {
  return [...pod.spec.initContainers, ...pod.spec.containers].map(({ name }) => name);
}

export function statusOf(pod: Pod, name: string): ContainerStatus | undefined {
  return statusesOf(pod).find((candidate) => candidate.name === name);
}

export function statusesOf(pod: Pod): ContainerStatus[] {
  return [...pod.status.initContainerStatuses, ...pod.status.containerStatuses];
}

/** Whether a container runs now; if not, asking it something is in vain. */
export function runs(pod: Pod, name: string): boolean {
  return statusOf(pod, name)?.state['running'] !== undefined;
}
