import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../errors.ts';
import { drainTimeMs, held, type Held, type SidecarPod } from '../istio/sidecar.ts';
import type { Kube } from '../kube/client.ts';
import type { ListenerChange } from '../results/gate.ts';
import { cut } from '../text-table.ts';
import type { Endpoint } from '../trip/endpoint.ts';
import { absent, changesBetween } from './config-diff.ts';
import { carriersOf } from './observation.ts';

/** How often Envoy is asked. What came and went in between shows in the time at which Envoy took the listener. */
const lookMs = 1500;

/**
 * Watches the listener that carries the live traffic's tunnels in one sidecar. Envoy does not cut the connections of a
 * listener or filter chain that it replaces: it drains them, and closes what is left after its drain time. So a change
 * is known at once, and the cut that comes of it long after.
 */
export class DrainWatch implements AsyncDisposable {
  readonly pod: SidecarPod;
  /** The sidecar's drain time. */
  readonly drainMs: number;
  readonly #kube: Kube;
  readonly #names: readonly string[];
  readonly #cluster: string;
  readonly #onChange: (change: ListenerChange) => void;
  readonly #stop = new AbortController();
  readonly #changes: ListenerChange[] = [];
  #last: Held | undefined;
  #problem: string | undefined;
  #watching: Promise<void> = Promise.resolve();
  #looking: Promise<void> = Promise.resolve();

  private constructor(
    kube: Kube,
    pod: SidecarPod,
    drainMs: number,
    tunnels: { readonly proxy: Endpoint; readonly cluster: string },
    onChange: (change: ListenerChange) => void,
  ) {
    this.#kube = kube;
    this.pod = pod;
    this.drainMs = drainMs;
    this.#names = carriersOf(tunnels.proxy);
    this.#cluster = tunnels.cluster;
    this.#onChange = onChange;
  }

  /**
   * @param tunnels The proxy that the tunnels lead to, and the cluster that they take
   * @param onChange Gets each change as soon as it is seen
   * @throws Error when the sidecar does not answer
   */
  static async start(
    kube: Kube,
    pod: SidecarPod,
    tunnels: { readonly proxy: Endpoint; readonly cluster: string },
    onChange: (change: ListenerChange) => void,
  ): Promise<DrainWatch> {
    const watch = new DrainWatch(kube, pod, await drainTimeMs(kube, pod), tunnels, onChange);
    watch.#last = await watch.#carrier();
    watch.#watching = watch.#keepWatching();
    return watch;
  }

  /** Changes so far, in the order of time. */
  get changes(): readonly ListenerChange[] {
    return this.#changes;
  }

  /**
   * Looks once more.
   * @returns from when on no change that the sidecar has taken can cut a tunnel any more, ms since the epoch by the
   * node's clock; undefined when it took none since `startedAt`
   * @throws Error when the sidecar does not answer
   */
  async drainedAt(startedAt: number): Promise<number | undefined> {
    await this.#look();
    if (this.#problem !== undefined) throw new Error(`the sidecar of ${this.pod.pod}: ${this.#problem}`);
    const clusters = await held(this.#kube, this.pod, 'dynamic_active_clusters', [this.#cluster]);
    const moments = [
      ...[this.#last, ...clusters].flatMap((one) => (one === undefined ? [] : [one.since])),
      ...this.#changes.map(({ at }) => Date.parse(at)),
    ].filter((at) => at > startedAt);
    return moments.length === 0 ? undefined : Math.max(...moments) + this.drainMs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#watching;
  }

  async #keepWatching(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.#look();
      await delay(lookMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** One look at a time: two would each take the same change for new. */
  #look(): Promise<void> {
    this.#looking = this.#looking.then(async () => {
      try {
        const now = await this.#carrier();
        const found = changeOf(this.#last, now, this.drainMs);
        this.#last = now;
        this.#problem = undefined;
        if (found === undefined) return;
        this.#changes.push(found);
        this.#onChange(found);
      } catch (error) {
        this.#problem = messageOf(error);
      }
    });
    return this.#looking;
  }

  async #carrier(): Promise<Held | undefined> {
    const [carrier] = await held(this.#kube, this.pod, 'dynamic_listeners', this.#names);
    return carrier;
  }
}

/** What became of the listener between two looks; undefined when Envoy holds the one that it held. */
export function changeOf(
  before: Held | undefined,
  after: Held | undefined,
  drainMs: number,
  now = Date.now(),
): ListenerChange | undefined {
  const listener = (after ?? before)?.name;
  if (listener === undefined) return undefined;
  if (before?.name === after?.name && before?.since === after?.since) return undefined;
  // Of a listener that is gone Envoy tells no time.
  const at = after === undefined || after.since === 0 ? now : after.since;
  const found = changesBetween(
    before === undefined ? {} : { listener: before.content },
    after === undefined ? {} : { listener: after.content },
  );
  const differences = found.map(({ path, before: old, after: next }) => ({
    id: `drain: listener${path === '' ? '' : ` ${path}`}`,
    before: path === '' ? (before?.name ?? absent) : old,
    after: path === '' ? (after?.name ?? absent) : next,
  }));
  const what = whatOf(before, after, differences.length);
  return {
    at: new Date(at).toISOString(),
    drainedAt: new Date(at + drainMs).toISOString(),
    listener,
    what,
    differences:
      differences.length > 0
        ? differences
        : [{ id: `drain: listener (${what})`, before: listener, after: listener }],
  };
}

function whatOf(
  before: Held | undefined,
  after: Held | undefined,
  differences: number,
): ListenerChange['what'] {
  if (after === undefined) return 'removed';
  if (before === undefined) return 'added';
  // Envoy ignores an update that changes nothing, so one that is equal was gone in between.
  return differences === 0 ? 'removed and added' : 'replaced';
}

/** A change in a line, for the progress and for a finding. */
export function changeLine({ listener, what, at, differences }: ListenerChange): string {
  const shown = differences.slice(0, 3).map(({ id, before, after }) => {
    const where = id.replace(/^drain: listener ?/, '');
    return before === after ? where : `${where} ${cut(before, 80)} → ${cut(after, 80)}`;
  });
  const more = differences.length > shown.length ? `, and ${differences.length - shown.length} more` : '';
  return `listener ${listener} was ${what} at ${at.slice(11, 23)}: ${shown.join('; ')}${more}`;
}
