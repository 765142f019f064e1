import { setTimeout as delay } from 'node:timers/promises';
import type { V1Pod } from '@kubernetes/client-node';
import { messageOf } from '../errors.ts';
import { sidecarOf, startsBeforeItsApplications } from '../istio/sidecar.ts';
import type { Kube } from '../kube/client.ts';
import { LineFollower } from '../kube/lines.ts';
import type { Workload } from './account.ts';
import type { PodLogs } from './account-of.ts';
import type { TrafficPod } from './counterparts.ts';
import { workloads } from './fixture.ts';

/** Both workloads' pods. */
export const trafficPods = 'traffic=live';
/** How often it is looked for new pods. A log is followed from its beginning, so none of it is missed meanwhile. */
const lookMs = 500;

interface Followed extends TrafficPod {
  ip: string;
  leavingAt: number | undefined;
  readonly requests: LineFollower;
  readonly tunnels: LineFollower;
  /** Undefined: the pod has no sidecar. */
  readonly sidecar: LineFollower | undefined;
}

/** Follows the logs of all pods of live traffic, of those too that come later, each to its end. */
export class TrafficPods implements AsyncDisposable {
  readonly #kube: Kube;
  readonly #namespace: string;
  readonly #followed = new Map<string, Followed>();
  readonly #stop = new AbortController();
  readonly #looking: Promise<void>;
  #problem: string | undefined;

  constructor(kube: Kube, namespace: string) {
    this.#kube = kube;
    this.#namespace = namespace;
    this.#looking = this.#keepLooking();
  }

  /** What was logged so far. */
  logs(): PodLogs[] {
    return [...this.#followed.values()].map(({ requests, tunnels, sidecar, ...pod }) => ({
      ...pod,
      requests: requests.stamped(),
      tunnels: tunnels.stamped(),
      sidecar: sidecar?.since(0) ?? [],
    }));
  }

  /** What has not been read to its end, with the reason; empty once all pods are gone and told all. */
  unread(): string[] {
    const logs = [...this.#followed.values()].flatMap(({ pod, requests, tunnels, sidecar }) => [
      ...[requests, tunnels, sidecar]
        .filter((log) => log?.finished() === false)
        .map((log) => `${log?.what ?? ''}: ${log?.problem() ?? 'it goes on'}`),
      ...(sidecar === undefined ? [`pod ${pod} has no sidecar, and so no access log`] : []),
    ]);
    return this.#problem === undefined ? logs : [...logs, `pods cannot be listed: ${this.#problem}`];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#looking;
    const logs = [...this.#followed.values()].flatMap(({ requests, tunnels, sidecar }) => [
      ...[requests, tunnels],
      ...(sidecar === undefined ? [] : [sidecar]),
    ]);
    await Promise.all(logs.map((log) => log[Symbol.asyncDispose]()));
  }

  async #keepLooking(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        const { items } = await this.#kube.core.listNamespacedPod({
          namespace: this.#namespace,
          labelSelector: trafficPods,
        });
        for (const pod of items) this.#see(pod);
        this.#problem = undefined;
      } catch (error) {
        this.#problem = messageOf(error);
      }
      await delay(lookMs, undefined, { signal }).catch(() => undefined);
    }
  }

  #see(pod: V1Pod): void {
    const {
      uid = '',
      name = '',
      labels = {},
      deletionTimestamp,
      deletionGracePeriodSeconds = 0,
    } = pod.metadata ?? {};
    const workload = workloads.find((one) => one === labels['app']);
    if (workload === undefined || this.#stop.signal.aborted) return;
    const known = this.#followed.get(uid) ?? this.#follow(workload, name, pod);
    this.#followed.set(uid, known);
    known.ip = pod.status?.podIP ?? known.ip;
    // The API server writes down when the grace will be over.
    if (deletionTimestamp !== undefined) {
      known.leavingAt = new Date(deletionTimestamp).getTime() - deletionGracePeriodSeconds * 1000;
    }
  }

  #follow(workload: Workload, pod: string, its: V1Pod): Followed {
    const follow = (container: string): LineFollower =>
      LineFollower.ofContainer(
        this.#kube,
        { namespace: this.#namespace, pod, container },
        { untilGone: true },
      );
    return {
      workload,
      pod,
      ip: '',
      leavingAt: undefined,
      sidecarFirst: startsBeforeItsApplications(its),
      requests: follow('requests'),
      tunnels: follow('tunnels'),
      sidecar: sidecarOf(its) === undefined ? undefined : follow('istio-proxy'),
    };
  }
}
