import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node';
import { kubeObject } from './manifests.ts';
import { EnvironmentError } from '../errors.ts';
import { eventually, Hopeless, type EventuallyOptions } from '../eventually/eventually.ts';
import { timeouts } from '../timeouts.ts';
import type { Kube } from './client.ts';
import { merge } from './apply.ts';

/** Pods with these labels that are not on their way out; a pod being deleted keeps phase Running for its grace. */
export async function livePods(kube: Kube, namespace: string, labelSelector: string): Promise<V1Pod[]> {
  const { items } = await kube.core.listNamespacedPod({ namespace, labelSelector });
  return items.filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
}

/** A pod is refused until the controller has given its namespace the default service account. */
export async function namespaceMustTakePods({ core }: Kube, namespace: string): Promise<void> {
  await eventually(
    `service account ${namespace}/default to exist`,
    () => core.readNamespacedServiceAccount({ name: 'default', namespace }),
    { timeoutMs: timeouts.workloadReady, intervalMs: 100 },
  );
}

interface ReadyOptions extends Partial<EventuallyOptions> {
  /** Why pods that are not ready will not be, so that the wait ends; undefined while they may. */
  readonly hopeless?: (pods: readonly V1Pod[]) => Promise<string | undefined>;
}

/**
 * `kubectl rollout status`: waits until the Deployment's newest template is what runs and serves, and
 * gives its pods.
 * @throws EnvironmentError when an image cannot be pulled, which says nothing about the mesh
 */
export async function deploymentMustBeReady(
  kube: Kube,
  namespace: string,
  name: string,
  { timeoutMs = timeouts.workloadReady, intervalMs = 200, hopeless }: ReadyOptions = {},
): Promise<V1Pod[]> {
  const pulls = new PullWatch();
  let refusedSince: number | undefined;
  return eventually(
    `Deployment ${namespace}/${name} to be ready`,
    async () => {
      const deployment = await kube.apps.readNamespacedDeployment({ namespace, name });
      const selector = Object.entries(deployment.spec?.selector.matchLabels ?? {})
        .map(([key, value]) => `${key}=${value}`)
        .join(',');
      const pods = await livePods(kube, namespace, selector);
      for (const pod of pods) {
        pulls.mustGoOn(pod);
        mustNotCrash(pod);
      }
      const { replicas = 1 } = deployment.spec ?? {};
      const {
        observedGeneration = 0,
        updatedReplicas = 0,
        readyReplicas = 0,
        conditions = [],
      } = deployment.status ?? {};
      const settled = observedGeneration >= (deployment.metadata?.generation ?? 0);
      const ready = pods.filter((pod) => isReady(pod));
      if (
        settled &&
        updatedReplicas === replicas &&
        readyReplicas === replicas &&
        ready.length === replicas
      ) {
        if (pods.length === replicas) return ready;
      }
      const refused = conditions.find(({ type, status }) => type === 'ReplicaFailure' && status === 'True');
      refusedSince = refused === undefined ? undefined : (refusedSince ?? performance.now());
      if (refused !== undefined && refusedSince !== undefined) {
        const reason = `no pod can be made: ${refused.message ?? ''}`;
        // A webhook may be a moment late; one that refuses for so long will go on.
        if (performance.now() - refusedSince > timeouts.refusal) throw new Hopeless(reason);
        throw new Error(reason);
      }
      const never = await hopeless?.(pods);
      if (never !== undefined) throw new Hopeless(never);
      throw new Error(
        pods.length === 0 ? 'no pod yet' : pods.map((pod) => `pod ${describePod(pod)}`).join('; '),
      );
    },
    { timeoutMs, intervalMs },
  );
}

/**
 * Waits until a pod that nothing manages is ready, and gives it.
 * @throws EnvironmentError when its image cannot be pulled
 */
export async function podMustBeReady(
  kube: Kube,
  namespace: string,
  name: string,
  { hopeless }: Pick<ReadyOptions, 'hopeless'> = {},
): Promise<V1Pod> {
  const pulls = new PullWatch();
  return eventually(
    `pod ${namespace}/${name} to be ready`,
    async () => {
      const pod = await kube.core.readNamespacedPod({ namespace, name });
      pulls.mustGoOn(pod);
      mustNotCrash(pod);
      if (isReady(pod)) return pod;
      const never = await hopeless?.([pod]);
      if (never !== undefined) throw new Hopeless(never);
      throw new Error(describePod(pod));
    },
    { timeoutMs: timeouts.workloadReady },
  );
}

/**
 * Waits until no pod with these labels is left, those on their way out included.
 * @param onLeaving called once for each pod that is on its way out, e.g. to have it end sooner
 */
export async function podsMustBeGone(
  kube: Kube,
  namespace: string,
  labelSelector: string,
  onLeaving: (pod: string) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const told = new Set<string>();
  await eventually(
    `pods ${labelSelector} in ${namespace} to be gone`,
    async () => {
      const { items } = await kube.core.listNamespacedPod({ namespace, labelSelector });
      for (const { metadata } of items) {
        const { name = '', deletionTimestamp } = metadata ?? {};
        if (deletionTimestamp === undefined || told.has(name)) continue;
        told.add(name);
        await onLeaving(name);
      }
      if (items.length > 0) throw new Error(items.map((pod) => describePod(pod)).join('; '));
    },
    { timeoutMs: timeouts.deletion, intervalMs: 100 },
  );
}

export function isReady(pod: V1Pod): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
}

/** Statuses of ordinary and init containers: a native sidecar is an init container that keeps running. */
export function containerStatuses(pod: V1Pod): V1ContainerStatus[] {
  return [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
}

/** One line on how far a pod has come: phase, and each container that is not ready with its reason. */
export function describePod(pod: V1Pod): string {
  const waiting = containerStatuses(pod).flatMap(({ name, ready, state }) => {
    if (ready || (state?.terminated !== undefined && state.terminated.exitCode === 0)) return [];
    const reason = state?.waiting ?? state?.terminated;
    const message = reason?.message === undefined ? '' : ` (${reason.message})`;
    return [`${name}: ${reason?.reason ?? 'not ready'}${message}`];
  });
  const unscheduled = pod.status?.conditions?.find(
    ({ type, status }) => type === 'PodScheduled' && status === 'False',
  );
  const details = unscheduled?.message === undefined ? waiting : [unscheduled.message];
  const phase = pod.metadata?.deletionTimestamp === undefined ? (pod.status?.phase ?? '?') : 'being deleted';
  return `${pod.metadata?.name ?? '?'} ${phase}${details.length === 0 ? '' : `: ${details.join(', ')}`}`;
}

const pullHint =
  'Check that the node reaches the registry. If it wants a login, in an existing cluster: --pull-secret FILE, as docker login writes it.';

/** Restarts after which a container counts as crashing: the kubelet only waits longer each time. */
const hopelessRestarts = 3;
/** A container that cannot start, e.g. because its command is missing, cannot start later either. */
const cannotStart = /^(StartError|ContainerCannotRun)$/;

function mustNotCrash(pod: V1Pod): void {
  const crashing = containerStatuses(pod).find(
    ({ ready, restartCount, lastState }) =>
      !ready && (restartCount >= hopelessRestarts || cannotStart.test(lastState?.terminated?.reason ?? '')),
  );
  if (crashing === undefined) return;
  const { reason, message, exitCode } = crashing.lastState?.terminated ?? {};
  const why = [reason, message, exitCode === undefined ? undefined : `exit code ${exitCode}`];
  throw new Hopeless(
    `container ${crashing.name} of pod ${pod.metadata?.name ?? ''} keeps ending: ${why.filter((text) => text !== undefined).join(', ')}`,
  );
}

/** Waiting does not help with these. */
const finalReasons = /^(InvalidImageName|ErrImageNeverPull)$/;
const finalMessages = /not found|manifest unknown|no match for platform|pull access denied|unauthorized/i;

/** Watches pulls that fail: the kubelet tries again, but not for ever. */
export class PullWatch {
  readonly #failingSince = new Map<string, number>();
  readonly #hint: string;

  /** @param hint What to do about an image that cannot be pulled */
  constructor(hint = pullHint) {
    this.#hint = hint;
  }

  /** @throws EnvironmentError when an image cannot be pulled, which says nothing about the mesh */
  mustGoOn(pod: V1Pod, statuses = containerStatuses(pod)): void {
    for (const { image, name, state } of statuses) {
      const { reason = '', message = '' } = state?.waiting ?? {};
      const key = `${pod.metadata?.uid ?? ''} ${name}`;
      const failing = /^(ErrImagePull|ImagePullBackOff)$/.test(reason);
      if (!failing && !finalReasons.test(reason)) {
        this.#failingSince.delete(key);
        continue;
      }
      const since = this.#failingSince.get(key) ?? performance.now();
      this.#failingSince.set(key, since);
      const waited = performance.now() - since;
      if (failing && !finalMessages.test(message) && waited < timeouts.imagePull) continue;
      throw new EnvironmentError(
        `Image ${image} of pod ${pod.metadata?.namespace ?? ''}/${pod.metadata?.name ?? ''} cannot be pulled: ${message === '' ? reason : message}`,
        this.#hint,
        { code: 'IMAGE_NOT_PULLED' },
      );
    }
  }
}

/** `kubectl scale --replicas=0`; the pods may be there for a while. */
export async function scaleToZero(kube: Kube, namespace: string, name: string): Promise<void> {
  await merge(kube, kubeObject('Deployment', { namespace, name }, { spec: { replicas: 0 } }));
}

/**
 * `kubectl rollout restart` and `rollout status`: new pods in place of the old ones, which are gone or going then.
 * @returns the new pods
 * @throws EventuallyError when they do not become ready, EnvironmentError when an image cannot be pulled
 */
export async function restartDeployment(
  kube: Kube,
  namespace: string,
  name: string,
  annotations: Readonly<Record<string, string>> = {},
  options: Parameters<typeof deploymentMustBeReady>[3] = {},
): Promise<V1Pod[]> {
  const template = {
    metadata: {
      annotations: { 'kubectl.kubernetes.io/restartedAt': new Date().toISOString(), ...annotations },
    },
  };
  await merge(kube, kubeObject('Deployment', { namespace, name }, { spec: { template } }));
  return deploymentMustBeReady(kube, namespace, name, options);
}
