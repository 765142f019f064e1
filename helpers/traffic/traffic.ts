import type { KubernetesObject, V1Pod } from '@kubernetes/client-node';
import { orLate, eventually, EventuallyError } from '../eventually/eventually.ts';
import { apply, remove } from '../kube/apply.ts';
import { EnvironmentError } from '../errors.ts';
import { createdAt, type Kube } from '../kube/client.ts';
import { nodeClock } from '../kube/clock.ts';
import type { PodRef } from '../kube/exec.ts';
import { LineFollower } from '../kube/lines.ts';
import type { Endpoint } from '../trip/endpoint.ts';
import {
  deploymentMustBeReady,
  livePods,
  podsMustBeGone,
  restartDeployment,
  scaleToZero,
} from '../kube/workloads.ts';
import { timeouts } from '../timeouts.ts';
import type { ReadSidecarLine } from '../trip/envoy.ts';
import type { Testimony } from '../trip/fetch.ts';
import { squidLog } from '../trip/logs.ts';
import type { TrafficAccount, Workload } from './account.ts';
import { accountOf } from './account-of.ts';
import { trafficObjects, workloads, type TrafficFixture } from './fixture.ts';
import { TrafficPods, trafficPods } from './pods.ts';
import { readClientLog } from './record.ts';

export { trafficNamespace } from './fixture.ts';

export interface TrafficOptions extends TrafficFixture {
  /** The proxy's address, or that of each of its names' addresses. */
  readonly via: Endpoint;
  readonly given?: readonly Endpoint[];
  /** The proxy's pod and container, whose access log is a witness; undefined where only the clients and sidecars are witnesses. */
  readonly squid: PodRef | undefined;
  /** Where the sidecars must send the traffic: Istio's name for the entry's port. */
  readonly cluster: string;
  /** How the sidecar of a pod testifies now; undefined where it writes Istio's default format. */
  readonly testimonyOf?: ((pod: PodRef) => Promise<Testimony>) | undefined;
}

const firstPhase = 'start of the live traffic';

/**
 * Live traffic through the proxy: from one pod whose sidecar is never restarted, and from one that is, tunnels that
 * stay open with a trickle both ways, and a new request several times a second. Every trip of it is accounted for.
 */
export class Traffic implements AsyncDisposable {
  readonly #kube: Kube;
  readonly #options: TrafficOptions;
  readonly #pods: TrafficPods;
  readonly #squid: LineFollower | undefined;
  /** By this process's clock, as the next two. */
  readonly #startedAt = Date.now();
  readonly #phases: { readonly name: string; readonly at: number }[];
  /** What goes with the traffic: its namespace, or in one that stays what it made there. */
  readonly #objects: readonly KubernetesObject[];
  #endedAt: number | undefined;
  /** How lines of the sidecars are read: an upgrade may change their format. */
  readonly #readers: ReadSidecarLine[] = [];
  #offsetMs = 0;
  #removed = false;

  private constructor(kube: Kube, options: TrafficOptions, objects: readonly KubernetesObject[]) {
    this.#kube = kube;
    this.#options = options;
    this.#phases = [{ name: firstPhase, at: this.#startedAt }];
    const namespaces = objects.filter(({ kind }) => kind === 'Namespace');
    this.#objects = namespaces.length > 0 ? namespaces : objects;
    this.#pods = new TrafficPods(kube, options.namespace);
    this.#squid =
      options.squid === undefined ? undefined : LineFollower.ofFile(kube, options.squid, squidLog);
  }

  /**
   * Starts the clients, and waits until each had its first page.
   * @throws UsageError for a destination that is not ours, EventuallyError with what the clients met with
   */
  static async start(kube: Kube, options: TrafficOptions): Promise<Traffic> {
    const objects = await trafficObjects(options);
    const traffic = new Traffic(kube, options, objects);
    try {
      await apply(kube, objects);
      for (const workload of workloads) {
        await traffic.#saying(() => deploymentMustBeReady(kube, options.namespace, workload));
      }
      await traffic.#learn();
      await traffic.#squid?.opened(timeouts.probe);
      const { kept } = await traffic.pods();
      const requests = {
        namespace: options.namespace,
        pod: kept.metadata?.name ?? '',
        container: 'requests',
      };
      traffic.#offsetMs = (await nodeClock(kube, requests)).offsetMs;
      return traffic;
    } catch (error) {
      await traffic[Symbol.asyncDispose]();
      throw error;
    }
  }

  get namespace(): string {
    return this.#options.namespace;
  }

  /** When it started, ms since the epoch by the node's clock. */
  get startedAt(): number {
    return this.#startedAt + this.#offsetMs;
  }

  /** The node's clock now, ms since the epoch. */
  now(): number {
    return Date.now() + this.#offsetMs;
  }

  /** Waits until each tunnel of `kept` had an exchange that began after this moment of the node's clock. */
  async exchangedAfter(moment: number): Promise<void> {
    await eventually(
      'an exchange in each tunnel that was kept open',
      () => {
        const exchanges = this.#pods
          .logs()
          .filter(({ workload }) => workload === 'kept')
          .flatMap(({ tunnels }) => readClientLog(tunnels).exchanges)
          .filter(({ of }) => of.startsWith('tunnel-'));
        const late = new Set(exchanges.filter(({ startedAt }) => startedAt > moment).map(({ of }) => of));
        const silent = [...new Set(exchanges.map(({ of }) => of))].filter((of) => !late.has(of));
        if (exchanges.length === 0) throw new Error('no tunnel had any exchange');
        if (silent.length > 0) throw new Error(`none yet in ${silent.join(', ')}`);
      },
      { timeoutMs: timeouts.statements, intervalMs: 250 },
    );
  }

  /** From now on what happens belongs to this phase. */
  phase(name: string): void {
    this.#phases.push({ name, at: Date.now() });
  }

  /** Both workloads' current pods; of one that is being rolled, the newest. */
  async pods(): Promise<Record<Workload, V1Pod>> {
    const [kept, restarted] = await Promise.all([this.#podOf('kept'), this.#podOf('restarted')]);
    return { kept, restarted };
  }

  /**
   * Rolls `restarted`: the new pod comes, its clients get their first pages, the old one ends in good order.
   * @param annotations of the pods from now on, e.g. Istio's
   * @throws EventuallyError with what the new clients met with, EnvironmentError when an image cannot be pulled
   */
  async restart(
    annotations: Readonly<Record<string, string>> = {},
  ): Promise<{ before: V1Pod; after: V1Pod }> {
    await this.#learnOn();
    const before = await this.#podOf('restarted');
    const [after] = await this.#saying(() =>
      restartDeployment(this.#kube, this.namespace, 'restarted', annotations),
    );
    if (after === undefined) throw new TypeError('a ready Deployment has no pod');
    const hash = before.metadata?.labels?.['pod-template-hash'] ?? '';
    await podsMustBeGone(this.#kube, this.namespace, `app=restarted,pod-template-hash=${hash}`);
    return { before, after };
  }

  /**
   * Ends the clients in good order, waits for the last lines of all who saw them, and accounts for every trip. What it
   * made is gone then.
   */
  async end(): Promise<TrafficAccount> {
    await this.#learnOn();
    for (const name of workloads) {
      await scaleToZero(this.#kube, this.namespace, name);
    }
    await podsMustBeGone(this.#kube, this.namespace, trafficPods);
    this.#endedAt ??= Date.now();
    const [account] = await Promise.all([this.#lastLines(), remove(this.#kube, this.#objects)]);
    this.#removed = true;
    await this.#unfollow();
    return account;
  }

  /** Ends the traffic in whatever state it is, for who is no more interested in it; `end` has done it already. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#unfollow();
    if (this.#removed) return;
    // What hinders it is none of the traffic's: the cluster goes, or the next run begins by removing the namespace.
    await orLate(
      Promise.allSettled(this.#objects.map((object) => this.#kube.objects.delete(object))),
      timeouts.probe,
    );
  }

  /** Asks each sidecar for the format that its lines have by now. @throws EnvironmentError where it writes none that tell of a connection */
  async #learn(): Promise<void> {
    const { testimonyOf, namespace } = this.#options;
    if (testimonyOf === undefined) return;
    for (const { metadata } of Object.values(await this.pods())) {
      const testimony = await testimonyOf({ namespace, pod: metadata?.name ?? '', container: 'istio-proxy' });
      if (testimony.by === 'log') this.#readers.push(testimony.read);
      else
        throw new EnvironmentError(
          `The live traffic cannot be accounted for: ${testimony.why}`,
          'Have sidecars write a line for each connection to /dev/stdout, in a format with the operators that are named; a Telemetry resource for the namespace of the run will do.',
        );
    }
  }

  /** What a sidecar no longer tells is unread, and the account says so. */
  async #learnOn(): Promise<void> {
    await this.#learn().catch(() => undefined);
  }

  /** The account once nothing is missing in it, or as it is after the time that witnesses have for their last lines. */
  async #lastLines(): Promise<TrafficAccount> {
    let account = this.#account();
    try {
      await eventually(
        'the last lines of the traffic to be read',
        () => {
          account = this.#account();
          const [unread] = account.unread;
          if (unread !== undefined) throw new Error(unread);
          if (account.events.some(({ what }) => what === 'lost')) throw new Error('lines are missing');
        },
        { timeoutMs: timeouts.statements, intervalMs: 500 },
      );
    } catch (error) {
      // What is missing by now is missing: the account says so.
      if (!(error instanceof EventuallyError)) throw error;
    }
    return account;
  }

  async #unfollow(): Promise<void> {
    await Promise.all([this.#pods[Symbol.asyncDispose](), this.#squid?.[Symbol.asyncDispose]()]);
  }

  #account(): TrafficAccount {
    const { via, given, cluster } = this.#options;
    const squid = this.#squid?.problem();
    return accountOf({
      startedAt: this.#startedAt + this.#offsetMs,
      endedAt: (this.#endedAt ?? Date.now()) + this.#offsetMs,
      phases: this.#phases.map(({ name, at }) => ({ name, at: at + this.#offsetMs })),
      pods: this.#pods.logs(),
      squid: this.#squid?.since(0),
      via,
      given,
      cluster,
      readers: this.#readers,
      clockOffsetMs: this.#offsetMs,
      unread: [
        ...this.#pods.unread(),
        ...(squid === undefined ? [] : [`${this.#squid?.what ?? ''}: ${squid}`]),
      ],
    });
  }

  async #podOf(workload: Workload): Promise<V1Pod> {
    const pods = await livePods(this.#kube, this.namespace, `app=${workload}`);
    const [newest] = pods.sort((a, b) => createdAt(b) - createdAt(a));
    if (newest === undefined) throw new Error(`${this.namespace} has no live pod app=${workload}`);
    return newest;
  }

  /** Waits for clients; when that fails, the error also says what the clients met. */
  async #saying<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof EventuallyError) error.message += this.#met();
      throw error;
    }
  }

  /** The last words of clients that never had a page. */
  #met(): string {
    const words = this.#pods.logs().flatMap(({ pod, requests }) => {
      const { moments, exchanges } = readClientLog(requests);
      const last = moments.ready === undefined ? exchanges.at(-1) : undefined;
      return last === undefined ? [] : [`${pod}: curl ${last.exitCode} ${last.message}`];
    });
    return words.length === 0 ? '' : ` The clients had no page yet: ${words.join('; ')}`;
  }
}
