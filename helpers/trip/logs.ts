import type { Kube } from '../kube/client.ts';
import type { PodRef } from '../kube/exec.ts';
import { LineFollower, tailInPod, tailOfFile } from '../kube/lines.ts';
import type { ProxyLog } from '../proxy/proxy.ts';
import type { LogWitness } from './statements.ts';

/** Squid's access log, in the document's image and by its Debian package alike. */
export const squidLog = '/var/log/squid/access.log';

/** Where each followed log stood at one moment. */
export type Cursors = ReadonlyMap<LineFollower, number>;

interface Followed {
  readonly witness: LogWitness;
  /** Undefined for a file of this machine. */
  readonly target: PodRef | undefined;
  readonly log: LineFollower;
}

/** The witnesses' logs, each followed once as a stream. There is one proxy and one origin; sidecars are as many as clients. */
export class Logs implements AsyncDisposable {
  readonly #kube: Kube;
  #followed: Followed[] = [];

  constructor(kube: Kube) {
    this.#kube = kube;
  }

  /** Follows a witness's log from now on; following the same pod again changes nothing. */
  follow(witness: LogWitness, target: PodRef): void {
    const same = (one: Followed): boolean =>
      one.witness === witness && one.target?.namespace === target.namespace && one.target.pod === target.pod;
    if (this.#followed.some(same)) return;
    if (witness !== 'sidecar') void this.unfollow(witness);
    const log =
      witness === 'proxy'
        ? LineFollower.ofFile(this.#kube, target, squidLog)
        : LineFollower.ofContainer(this.#kube, target);
    this.#followed.push({ witness, target, log });
  }

  /**
   * Follows the log of a given proxy from where it ends now: it may be years long.
   * @param container That of a log in a pod
   */
  followGiven(place: ProxyLog, container: string): void {
    void this.unfollow('proxy');
    if (place.kind === 'file') {
      this.#followed.push({ witness: 'proxy', target: undefined, log: tailOfFile(place.path) });
      return;
    }
    const { namespace, pod, path } = place;
    const target = { namespace, pod, container };
    // Its clock may be behind this one; lines from before the run are before every cursor.
    const from = new Date(Date.now() - 60_000).toISOString();
    const log =
      path === undefined
        ? LineFollower.ofContainer(this.#kube, target, { from })
        : tailInPod(this.#kube, target, path);
    this.#followed.push({ witness: 'proxy', target, log });
  }

  async unfollow(witness: LogWitness): Promise<void> {
    const leaving = this.#followed.filter((one) => one.witness === witness);
    this.#followed = this.#followed.filter((one) => one.witness !== witness);
    await Promise.all(leaving.map(({ log }) => log[Symbol.asyncDispose]()));
  }

  /** Resolves once every stream was open for the first time, or after `timeoutMs`. */
  async opened(timeoutMs: number): Promise<void> {
    await Promise.all(this.#followed.map(({ log }) => log.opened(timeoutMs)));
  }

  cursors(): Cursors {
    return new Map(this.#followed.map(({ log }) => [log, log.cursor()]));
  }

  /** A witness's lines since the cursors were taken, of one pod where it is named; undefined when not followed. */
  since(witness: LogWitness, cursors: Cursors, pod?: string): readonly string[] | undefined {
    const log = this.#of(witness).find(({ target }) => pod === undefined || target?.pod === pod)?.log;
    return log?.since(cursors.get(log) ?? 0);
  }

  /** Resolves at the next line of any of these witnesses, or after `timeoutMs`. */
  async changed(witnesses: readonly LogWitness[], timeoutMs: number): Promise<void> {
    const logs = witnesses.flatMap((witness) => this.#of(witness));
    await Promise.race(logs.map(({ log }) => log.changed(timeoutMs)));
  }

  /** Why lines of a witness may be missing at the moment; undefined while its streams are open. */
  problem(witness: LogWitness): string | undefined {
    for (const { log } of this.#of(witness)) {
      const problem = log.problem();
      if (problem !== undefined) return `The ${log.what} cannot be followed: ${problem}`;
    }
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = this.#followed;
    this.#followed = [];
    await Promise.all(all.map(({ log }) => log[Symbol.asyncDispose]()));
  }

  #of(witness: LogWitness): readonly Followed[] {
    return this.#followed.filter((one) => one.witness === witness);
  }
}
