import { randomUUID } from 'node:crypto';
import type { Destination } from '../destination/destination.ts';
import { EnvironmentError } from '../errors.ts';
import type { Kube } from '../kube/client.ts';
import { nodeClock, type NodeClock } from '../kube/clock.ts';
import { exec, execOrThrow, ExecError, type PodRef } from '../kube/exec.ts';
import { LineFollower } from '../kube/lines.ts';
import { timeouts } from '../timeouts.ts';
import { correlate, defaultTolerances } from './correlate.ts';
import { clientStatement, writeOut } from './curl.ts';
import { formatEndpoint } from './endpoint.ts';
import { origin, type Expectation } from './expectations.ts';
import type { Endpoint, LogWitness, Trip } from './statements.ts';
import { userAgent } from './user-agent.ts';

export interface FetchOptions {
  /** The proxy that the client is told to use, through HTTPS_PROXY. */
  readonly via: Endpoint;
  /** The client's pod has a sidecar, whose statement is waited for. */
  readonly sidecar?: boolean;
}

/** Where the hermetic destination's CA is put in a client's pod; the document's manifests know nothing of it. */
const caFile = '/tmp/conformance-ca.crt';
/** Squid's access log, in the document's image and by its Debian package alike. */
const squidLog = '/var/log/squid/access.log';

/** Sends requests from pods, and follows the logs of all who see them. */
export class Witnesses implements AsyncDisposable {
  readonly #kube: Kube;
  readonly #destination: Destination;
  readonly #followers = new Map<LogWitness, { readonly target: string; readonly log: LineFollower }>();
  readonly #trusting = new Set<string>();
  readonly #pods = new Map<string, string>();
  #clock: Promise<NodeClock> | undefined;

  constructor(kube: Kube, destination: Destination) {
    this.#kube = kube;
    this.#destination = destination;
    if (destination.origin !== undefined) this.follow('origin', destination.origin);
  }

  /** Follows a witness's log from now on; following the same pod again changes nothing. */
  follow(witness: LogWitness, target: PodRef): void {
    const name = `${target.namespace}/${target.pod}`;
    const current = this.#followers.get(witness);
    if (current?.target === name) return;
    void current?.log[Symbol.asyncDispose]();
    const log =
      witness === 'proxy'
        ? LineFollower.ofFile(this.#kube, target, squidLog)
        : LineFollower.ofContainer(this.#kube, target);
    this.#followers.set(witness, { target: name, log });
  }

  /** Stops following a log, e.g. because its pod goes. */
  async unfollow(witness: LogWitness): Promise<void> {
    const follower = this.#followers.get(witness);
    this.#followers.delete(witness);
    await follower?.log[Symbol.asyncDispose]();
  }

  /** What the origin must have seen, where the origin is ours. */
  originExpectations(): readonly Expectation[] {
    return this.#destination.origin === undefined ? [] : [origin({ status: 200 })];
  }

  /**
   * The document's request: `HTTPS_PROXY=IP:PORT curl URL`, run in a pod, with curl's own figures asked for.
   * Then waits until every witness that must have seen it has made its statement, or `timeouts.statements` is over:
   * what is missing then is for the matchers to judge.
   */
  async fetch(client: PodRef, options: FetchOptions): Promise<Trip> {
    await this.#trust(client);
    const podIp = await this.#ipOf(client);
    const id = randomUUID();
    const { url } = this.#destination;
    const command = this.#command(id, options.via);
    await Promise.all([...this.#followers.values()].map(({ log }) => log.opened(timeouts.probe)));
    const cursors = new Map(
      [...this.#followers].map(([witness, { log }]) => [witness, log.cursor()] as const),
    );
    // All statements are compared by the node's clock; the runner's may differ where the engine runs in a machine of its own.
    this.#clock ??= nodeClock(this.#kube, client);
    const { offsetMs, uncertaintyMs } = await this.#clock;
    const startedAt = Date.now() + offsetMs;
    const run = await this.#run(client, command);
    const endedAt = Date.now() + offsetMs;
    const statement = clientStatement({
      ...run,
      pod: `${client.namespace}/${client.pod}`,
      podIp,
      command,
      startedAt,
      endedAt,
    });
    const linesOf = (witness: LogWitness): readonly string[] | undefined => {
      // Another pod's sidecar has nothing to say about a client that has none.
      if (witness === 'sidecar' && options.sidecar !== true) return undefined;
      return this.#followers.get(witness)?.log.since(cursors.get(witness) ?? 0);
    };
    const observe = (): Trip =>
      correlate({
        id,
        url,
        via: options.via,
        client: statement,
        lines: { sidecar: linesOf('sidecar'), proxy: linesOf('proxy'), origin: linesOf('origin') },
        tolerances: { clockSkewMs: defaultTolerances.clockSkewMs + uncertaintyMs },
      });
    // Without a response no request may have reached the origin; what was refused on the way is not waited for there.
    const expected: LogWitness[] = [
      'sidecar',
      'proxy',
      ...(statement.httpStatus === 0 ? [] : ['origin' as const]),
    ];
    const deadline = performance.now() + timeouts.statements;
    for (;;) {
      const trip = observe();
      const missing = expected.filter((witness) => trip[witness]?.length === 0);
      const left = deadline - performance.now();
      if (missing.length === 0) return trip;
      if (left <= 0) {
        this.#mustBeReadable(missing);
        return trip;
      }
      // One new line of any log may complete the trip.
      await Promise.race(
        missing.map((witness) => this.#followers.get(witness)?.log.changed(left) ?? Promise.resolve()),
      );
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#followers.values()].map(({ log }) => log[Symbol.asyncDispose]()));
  }

  /** A statement can only be called missing where its log could be read. */
  #mustBeReadable(witnesses: readonly LogWitness[]): void {
    for (const witness of witnesses) {
      const log = this.#followers.get(witness)?.log;
      const problem = log?.problem();
      if (log === undefined || problem === undefined) continue;
      throw new EnvironmentError(
        `The ${log.what} cannot be followed: ${problem}`,
        'Look at the pod, and at the API server.',
      );
    }
  }

  #command(id: string, via: Endpoint): string {
    const trust = this.#destination.ca === undefined ? '' : `--cacert ${caFile} `;
    return [
      `HTTPS_PROXY=${formatEndpoint(via)}`,
      'curl --silent --show-error',
      `--max-time ${timeouts.request / 1000}`,
      `--user-agent '${userAgent(id)}'`,
      `--write-out '${writeOut}'`,
      `${trust}${this.#destination.url}`,
    ].join(' ');
  }

  async #run(
    client: PodRef,
    command: string,
  ): Promise<{ exitCode: number | undefined; stdout: string; stderr: string }> {
    try {
      return await exec(this.#kube, client, ['sh', '-c', command], { timeoutMs: timeouts.request + 10_000 });
    } catch (error) {
      // The request is judged all the same: what the logs say may tell more than the broken exec.
      if (!(error instanceof ExecError)) throw error;
      return { exitCode: undefined, stdout: '', stderr: error.message };
    }
  }

  /** Gives the client the hermetic destination's CA, once a pod. */
  async #trust(client: PodRef): Promise<void> {
    const { ca } = this.#destination;
    const pod = `${client.namespace}/${client.pod}`;
    if (ca === undefined || this.#trusting.has(pod)) return;
    await execOrThrow(this.#kube, client, ['sh', '-c', `printf '%s' "$1" > ${caFile}`, 'sh', ca]);
    this.#trusting.add(pod);
  }

  async #ipOf({ namespace, pod }: PodRef): Promise<string> {
    const key = `${namespace}/${pod}`;
    const known = this.#pods.get(key);
    if (known !== undefined) return known;
    const { status } = await this.#kube.core.readNamespacedPod({ namespace, name: pod });
    const ip = status?.podIP ?? '';
    this.#pods.set(key, ip);
    return ip;
  }
}
