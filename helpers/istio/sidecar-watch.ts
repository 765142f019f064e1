import type { V1Pod } from '@kubernetes/client-node';
import type { Kube } from '../kube/client.ts';
import { containerStatuses, isReady } from '../kube/workloads.ts';
import { timeouts } from '../timeouts.ts';
import { complaintOf, type Complaint } from './agent-words.ts';

/** Between two looks into a sidecar's log while its pod is waited for, in ms. */
const lookEvery = 2000;

/**
 * Looks into the logs of sidecars that are not ready. One that has complained of the same for some time will go on: then
 * there is nothing to wait for.
 */
export class SidecarWatch {
  readonly #kube: Kube;
  #lookedAt = performance.now();
  #complaint: { readonly kind: Complaint['kind']; readonly since: number } | undefined;

  constructor(kube: Kube) {
    this.#kube = kube;
  }

  /** Why waiting for one of these pods is hopeless; undefined while it is not. */
  async hopeless(pods: readonly V1Pod[]): Promise<string | undefined> {
    const now = performance.now();
    if (now - this.#lookedAt < lookEvery) return undefined;
    this.#lookedAt = now;
    const waiting = pods.find((pod) => !isReady(pod) && sidecarRuns(pod));
    const complaint = waiting === undefined ? undefined : await complaintIn(this.#kube, waiting);
    if (complaint === undefined) {
      this.#complaint = undefined;
      return undefined;
    }
    if (this.#complaint?.kind !== complaint.kind) this.#complaint = { kind: complaint.kind, since: now };
    if (now - this.#complaint.since < timeouts.sidecarRefusal) return undefined;
    return `istio-proxy of pod ${waiting?.metadata?.name ?? ''} goes on to say: ${complaint.words}`;
  }
}

/** The last complaint in the log of a pod's istio-proxy; undefined where there is none, or the log cannot be read. */
export async function complaintIn(kube: Kube, pod: V1Pod): Promise<Complaint | undefined> {
  const { name = '', namespace = '' } = pod.metadata ?? {};
  const asked = { name, namespace, container: 'istio-proxy', tailLines: 2000 };
  const log = await kube.core.readNamespacedPodLog(asked).catch(() => '');
  return complaintOf(log);
}

function sidecarRuns(pod: V1Pod): boolean {
  return containerStatuses(pod).some(
    ({ name, state }) => name === 'istio-proxy' && state?.running !== undefined,
  );
}
