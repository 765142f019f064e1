import { EnvironmentError } from '../../helpers/errors.ts';
import { eventually, EventuallyError } from '../../helpers/eventually/eventually.ts';
import { accessLogOf, accessLogTelemetry, type AccessLog } from '../../helpers/istio/access-log.ts';
import { clusterNames, outboundCounters, type SidecarPod } from '../../helpers/istio/sidecar.ts';
import { apply } from '../../helpers/kube/apply.ts';
import type { Kube } from '../../helpers/kube/client.ts';
import { timeouts } from '../../helpers/timeouts.ts';
import {
  clusterCalled,
  type ClusterNames,
  countingAnnotations,
  countsOutbound,
  type Counters,
} from '../../helpers/trip/counters.ts';
import type { Endpoint } from '../../helpers/trip/endpoint.ts';
import type { ReadSidecarLine } from '../../helpers/trip/envoy.ts';
import type { Testimony } from '../../helpers/trip/fetch.ts';
import { isFailure } from '../../helpers/trip/statements.ts';

/**
 * How the sidecars of an existing mesh testify. Each Envoy is asked once what it does with its access log; a log that is
 * off is turned on for the run's own namespace, and where no line can be had, Envoy's counters have to do.
 */
export class Testimonies {
  readonly #kube: Kube;
  readonly #own: string;
  readonly #labels: Readonly<Record<string, string>>;
  readonly #known = new Map<string, Promise<Testimony>>();

  /**
   * @param own Namespace of the run's clients, whose access log it may change
   * @param labels Of those clients
   */
  constructor(kube: Kube, own: string, labels: Readonly<Record<string, string>>) {
    this.#kube = kube;
    this.#own = own;
    this.#labels = labels;
  }

  /** @throws EnvironmentError where neither its log nor its counters can testify to a request */
  async of({ namespace, pod }: SidecarPod, via: Endpoint): Promise<Testimony> {
    const key = `${namespace}/${pod}`;
    const asked = this.#known.get(key) ?? this.#ask({ namespace, pod }, via);
    this.#known.set(key, asked);
    return asked;
  }

  async #ask(pod: SidecarPod, via: Endpoint): Promise<Testimony> {
    const found = await accessLogOf(this.#kube, pod, via);
    const log = found.kind === 'off' && pod.namespace === this.#own ? await this.#turnedOn(pod, via) : found;
    if (log.kind === 'readable') {
      return log.callsClusters ? this.#byOwnNames(pod, log.read) : { by: 'log', read: log.read };
    }
    const { metadata } = await this.#kube.core.readNamespacedPod({ name: pod.pod, namespace: pod.namespace });
    if (!countsOutbound(metadata?.annotations ?? {})) {
      throw new EnvironmentError(
        `The sidecar of ${pod.namespace}/${pod.pod} leaves nothing to judge by: ${log.why}, and it counts no outbound connections`,
        `Have its access log written to /dev/stdout, with the operators that are named, or have it count: annotate the pod with ${Object.entries(countingAnnotations).flat().join(': ')}.`,
      );
    }
    const kube = this.#kube;
    const first = await clusterNames(kube, pod);
    const names = (): Promise<ClusterNames> =>
      first.size === 0 ? Promise.resolve(first) : clusterNames(kube, pod);
    const count = async (): Promise<Counters> => outboundCounters(kube, pod, await names(), via.port);
    return { by: 'counters', why: log.why, count };
  }

  /** Lines that tell what the mesh calls a cluster: the cluster itself is what requests are judged by. */
  async #byOwnNames(pod: SidecarPod, read: ReadSidecarLine): Promise<Testimony> {
    let names = await clusterNames(this.#kube, pod);
    // Every sidecar knows some Service; a mesh names all of its clusters alike.
    if (names.size === 0) return { by: 'log', read };
    return {
      by: 'log',
      read: (line) => {
        const said = read(line);
        if (isFailure(said)) return said;
        const upstreamCluster = clusterCalled(said.upstreamCluster, names, said.downstreamLocal?.port);
        return { ...said, upstreamCluster };
      },
      learn: async () => {
        names = await clusterNames(this.#kube, pod);
      },
    };
  }

  /** As where the mesh's configuration writes no log: a Telemetry resource for the run's own clients. */
  async #turnedOn(pod: SidecarPod, via: Endpoint): Promise<AccessLog> {
    await apply(this.#kube, [accessLogTelemetry(this.#own, this.#labels)]);
    let log = await accessLogOf(this.#kube, pod, via);
    try {
      await eventually(
        'the sidecar to write an access log',
        async () => {
          log = await accessLogOf(this.#kube, pod, via);
          if (log.kind === 'off') throw new Error(log.why);
        },
        { timeoutMs: timeouts.configPush, intervalMs: 200 },
      );
    } catch (error) {
      // The counters are left.
      if (!(error instanceof EventuallyError)) throw error;
    }
    return log;
  }
}
