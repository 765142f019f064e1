import { randomUUID } from 'node:crypto';
import { EnvironmentError } from '../errors.ts';
import { eventually, EventuallyError } from '../eventually/eventually.ts';
import type { Kube } from '../kube/client.ts';
import { nodeClock, type NodeClock } from '../kube/clock.ts';
import { exec, execOrThrow, ExecError, type PodRef } from '../kube/exec.ts';
import { timeouts } from '../timeouts.ts';
import { curlConfiguration } from '../proxy/credentials.ts';
import { deployedProxy, type GivenProxy, type Proxy, type ProxyLog, resolveIn } from '../proxy/proxy.ts';
import { attribute, type Observation } from './correlate.ts';
import {
  busyIn,
  countedStatements,
  isComplete,
  movedBetween,
  type Counted,
  type Counters,
} from './counters.ts';
import { clientStatement, dumpHeader, writeOut } from './curl.ts';
import { formatEndpoint, type Endpoint } from './endpoint.ts';
import { firstToRead, type ReadSidecarLine } from './envoy.ts';
import { origin, type Expectation } from './expectations.ts';
import { agrees, factsOf, tells, tripTolerances } from './judgement.ts';
import { Logs } from './logs.ts';
import { ownLine } from './squid.ts';
import type { ClientStatement, LogWitness, Trip } from './statements.ts';
import { userAgent } from './origin.ts';

export interface FetchOptions {
  /** The proxy that the client is given, through HTTPS_PROXY; undefined for a request without one. */
  readonly via: Endpoint | undefined;
  /** The client's pod has a sidecar, whose statement is waited for. */
  readonly sidecar?: boolean;
  /** Another URL than the document's. */
  readonly url?: string;
  /** Asks for the first bytes of the page only. */
  readonly range?: number;
  /** The client is not given the proxy after all, and goes round it. `resolve`: address it takes for the host. */
  readonly round?: { readonly resolve?: string };
  /** Shorter than the usual limit, in ms. */
  readonly limitMs?: number;
}

export interface Request extends FetchOptions {
  readonly client: PodRef;
}

export interface Target {
  readonly url: string;
  /** The authority that signed its certificate, where clients do not know it. */
  readonly ca: string | undefined;
  /** The pod whose log tells what arrived, where it is the suite's own. */
  readonly origin: PodRef | undefined;
}

/** How a sidecar says what it did: a line of its log for each connection, or counters, with the reason why no line. */
export type Testimony =
  | {
      readonly by: 'log';
      readonly read: ReadSidecarLine;
      /** Before each request: learns what `read` needs to know of the sidecar. */
      readonly learn?: () => Promise<void>;
    }
  | { readonly by: 'counters'; readonly why: string; readonly count: () => Promise<Counters> };

/** A request that was sent; `counted` where the client's sidecar testifies by counters. */
interface Asked {
  readonly request: Request;
  readonly id: string;
  readonly url: string;
  readonly client: ClientStatement;
  readonly counted?: Observation['counted'];
}

/** Sends a request, and counts before and after it. */
async function askedAndCounted(
  ask: () => Promise<Asked>,
  { why, count }: Testimony & { readonly by: 'counters' },
  usersPod: string | undefined,
): Promise<Asked> {
  const before = await count();
  const asked = await ask();
  let moved = movedBetween(before, before);
  try {
    await eventually(
      'the connection to be counted and closed',
      async () => {
        moved = movedBetween(before, await count());
        if (!isComplete(moved)) throw new Error('it is not');
      },
      { timeoutMs: tripTolerances.closeLagMs, intervalMs: 100 },
    );
  } catch (error) {
    // What is missing then is for the diagnosis to say.
    if (!(error instanceof EventuallyError)) throw error;
  }
  if (usersPod !== undefined) mustBeAlone(usersPod, moved, why);
  return { ...asked, counted: { statements: countedStatements(moved, asked.client), why } };
}

/** @throws EnvironmentError where the pod had other traffic meanwhile: counters cannot tell connections apart */
function mustBeAlone(pod: string, moved: ReadonlyMap<string, Counted>, why: string): void {
  const busy = busyIn(moved);
  if (busy === undefined) return;
  throw new EnvironmentError(
    `${pod} has other traffic, and its sidecar leaves nothing but counters (${why}): ${busy}`,
    'Have its sidecar write lines: a Telemetry resource in its namespace, with accessLogging by the provider envoy. Or choose a pod without other traffic.',
  );
}

/** Those of a workload, by which it would go elsewhere; curl takes the small letters first. */
const proxyVariables = 'https_proxy http_proxy all_proxy no_proxy HTTPS_PROXY ALL_PROXY NO_PROXY';

/**
 * Ports that Linux does not hand out by itself (net.ipv4.ip_local_port_range), another one for each trip. Of two connections of a
 * pod that had the same port within two minutes, the second gets another one on its way to the sidecar (REDIRECT, conntrack), and
 * could not be found in the sidecar's log by the client's. A busy pod has used most of the others.
 */
function quietPorts(id: string): string {
  return `${61_000 + (Number.parseInt(id.slice(0, 4), 16) % 4_000)}-65535`;
}

/** Folders that a container without a file system of its own to write to may have; /dev/shm is memory. */
const folders = '/dev/shm /tmp /var/tmp';

/** What the hermetic destination's CA is called in a client's pod; the document's manifests know nothing of it. */
const caFile = 'conformance-ca.crt';

/** Sends requests from pods, and collects what each witness says of them. */
export class Witnesses implements AsyncDisposable {
  /** How a client's sidecar testifies; by lines in Istio's default formats where undefined. */
  testimonyOf: ((client: PodRef, via: Endpoint) => Promise<Testimony>) | undefined;
  /** Whether the client is the user's pod (`--client`): nothing is left in it, and others may send requests from it. */
  isUsersPod: (client: PodRef) => boolean = () => false;
  /** Whether the suite's own clients may have variables that a policy of the cluster gives to every pod. */
  othersCluster = false;
  /** What the client is given in place of the proxy's address: for the fault of a reader who uses a name. */
  proxyName: string | undefined;
  readonly #kube: Kube;
  readonly #destination: Target;
  /** The proxy that requests go by where the user gave it; undefined where it is deployed. */
  readonly #given: GivenProxy | undefined;
  readonly #logs: Logs;
  /** By pod, the file of the destination's CA. */
  readonly #trusting = new Map<string, string>();
  /** Every address that the name of the given proxy has had. */
  readonly #named = new Set<string>();
  readonly #pods = new Map<string, string>();
  #clock: Promise<NodeClock> | undefined;

  constructor(kube: Kube, destination: Target, proxy: Proxy = deployedProxy) {
    this.#kube = kube;
    this.#destination = destination;
    this.#given = proxy.kind === 'given' ? proxy : undefined;
    this.#logs = new Logs(kube);
    if (destination.origin !== undefined) this.follow('origin', destination.origin);
  }

  /** Follows a witness's log from now on; following the same pod again changes nothing. */
  follow(witness: LogWitness, target: PodRef): void {
    this.#logs.follow(witness, target);
  }

  /**
   * Follows the log of the given proxy from where it ends now.
   * @returns why it cannot be followed, undefined when it is
   */
  async followGiven(place: ProxyLog, container: string): Promise<string | undefined> {
    this.#logs.followGiven(place, container);
    await this.#logs.opened(timeouts.probe);
    return this.#logs.problem('proxy');
  }

  async unfollow(witness: LogWitness): Promise<void> {
    await this.#logs.unfollow(witness);
  }

  /** What the origin must have seen, where the origin is ours. */
  originExpectations(status = 200): readonly Expectation[] {
    return this.#destination.origin === undefined ? [] : [origin({ status })];
  }

  /**
   * The document's request: `HTTPS_PROXY=IP:PORT curl URL`, run in a pod, with curl's own figures asked for.
   * Then waits until every witness that must have seen it has made its statement, or `timeouts.statements` is over:
   * what is missing then is for the matchers to judge.
   */
  async fetch(client: PodRef, options: FetchOptions): Promise<Trip> {
    const [trip] = await this.fetchAll([{ client, ...options }]);
    if (trip === undefined) throw new TypeError('fetchAll gave no trip for a request');
    return trip;
  }

  /** As `fetch`, for several requests at the same moment: each trip gets its own statements or none. */
  async fetchAll(requests: readonly Request[]): Promise<Trip[]> {
    await Promise.all([...new Set(requests.map(({ client }) => client))].map((client) => this.trust(client)));
    await this.#logs.opened(timeouts.probe);
    const testimonies = await this.#testimonies(requests);
    const readSidecar = firstToRead(
      [...testimonies.values()].flatMap((one) => (one.by === 'log' ? [one.read] : [])),
    );
    await Promise.all(
      [...testimonies.values()].flatMap((one) =>
        one.by === 'log' && one.learn !== undefined ? [one.learn()] : [],
      ),
    );
    const since = this.#logs.cursors();
    const [first] = requests;
    if (first === undefined) return [];
    const clock = await this.#clockOf(first.client);
    const ofNames = await Promise.all(requests.map((request) => this.#endpointsFor(request)));
    const hosts = requests.map(({ url }) => new URL(url ?? this.#destination.url).hostname);
    const proxyLines = (): readonly string[] | undefined => {
      const lines = this.#logs.since('proxy', since);
      const given = this.#given;
      if (given === undefined) return lines;
      return lines?.flatMap((line) => ownLine(line, { hosts, user: given.credentials?.user }) ?? []);
    };
    const asked = await this.#askAll(requests, testimonies, clock);
    const observe = (): Trip[] => {
      // One list for all trips that saw it, so that its index is made once.
      const proxy = proxyLines();
      const origin = this.#logs.since('origin', since);
      const pods = new Set(requests.map(({ client }) => client.pod));
      const sidecars = new Map([...pods].map((pod) => [pod, this.#logs.since('sidecar', since, pod)]));
      return attribute(
        asked.map(({ request, counted, ...rest }, index): Observation => {
          const { client, sidecar } = request;
          const endpoints = ofNames[index];
          const { clockSkewMs } = tripTolerances;
          return {
            ...rest,
            via: request.via,
            ...(endpoints === undefined ? {} : { given: endpoints }),
            counted,
            // A client without a sidecar has no log of one.
            lines: {
              sidecar:
                sidecar === true && counted === undefined
                  ? this.#ownLines(sidecars.get(client.pod), request, rest.client)
                  : undefined,
              proxy,
              origin,
            },
            tolerances: { clockSkewMs: clockSkewMs + clock.uncertaintyMs },
          };
        }),
        readSidecar,
      );
    };
    const deadline = performance.now() + timeouts.statements;
    for (;;) {
      const trips = observe();
      const missing = new Set(trips.flatMap(stillSilent));
      const left = deadline - performance.now();
      if (missing.size === 0) return trips;
      if (left <= 0) {
        this.#mustBeReadable([...missing]);
        return trips;
      }
      // One new line of any log may complete a trip.
      await this.#logs.changed([...missing], left);
    }
  }

  /** Sends a request and returns the client's statement alone: for a question, not for a verdict. */
  async ask(client: PodRef, options: FetchOptions): Promise<ClientStatement> {
    await this.trust(client);
    const asked = await this.#ask({ client, ...options }, await this.#clockOf(client));
    return asked.client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#logs[Symbol.asyncDispose]();
  }

  /** All statements are compared by the node's clock; the runner's may differ where the engine runs in a machine of its own. */
  async #clockOf(client: PodRef): Promise<NodeClock> {
    this.#clock ??= nodeClock(this.#kube, client);
    return this.#clock;
  }

  /** Where a given proxy is for a client that uses it now: a name may have other addresses than a minute ago. */
  async #endpointsFor({ client, via, round }: Request): Promise<readonly Endpoint[] | undefined> {
    const given = this.#given;
    if (given === undefined || via === undefined) return undefined;
    if (given.name === undefined || round !== undefined) return [];
    const found = await resolveIn(this.#kube, client, given.name).catch(() => []);
    for (const ip of found) this.#named.add(ip);
    return [...this.#named].map((ip) => ({ ip, port: given.port }));
  }

  /** A statement can only be called missing where its log could be read. */
  #mustBeReadable(witnesses: readonly LogWitness[]): void {
    for (const witness of witnesses) {
      const problem = this.#logs.problem(witness);
      if (problem === undefined) continue;
      throw new EnvironmentError(problem, 'Look at the pod, and at the API server.');
    }
  }

  async #ask(request: Request, { offsetMs }: NodeClock): Promise<Asked> {
    const { client } = request;
    const id = randomUUID();
    const url = request.url ?? this.#destination.url;
    const podIp = await this.#ipOf(client);
    const command = this.#command(id, url, request);
    const startedAt = Date.now() + offsetMs;
    const run = await this.#run(client, command, request);
    const endedAt = Date.now() + offsetMs;
    const pod = `${client.namespace}/${client.pod}`;
    return { request, id, url, client: clientStatement({ ...run, pod, podIp, command, startedAt, endedAt }) };
  }

  #command(id: string, url: string, options: Request): string {
    const { namespace, pod } = options.client;
    if (!this.isUsersPod(options.client)) {
      const asked = this.#curl(id, url, options, 'curl', this.#trusting.get(`${namespace}/${pod}`) ?? '');
      return this.othersCluster ? `unset ${proxyVariables}; ${asked}` : asked;
    }
    // Its own settings are for its own work.
    const request = this.#curl(id, url, options, `curl --disable --local-port ${quietPorts(id)}`, '"$ca"');
    const plain = `unset ${proxyVariables}; ${request}`;
    if (this.#destination.ca === undefined) return plain;
    // The file is there for as long as the request.
    return `for folder in ${folders}; do [ -w "$folder" ] && break; done; ca="$folder/conformance-${id}.crt"; printf %s "$1" >"$ca"; ${plain}; code=$?; rm -f "$ca"; exit $code`;
  }

  #curl(id: string, url: string, options: FetchOptions, curl: string, ca: string): string {
    const { via, round, range, limitMs = timeouts.request } = options;
    const { hostname, port } = new URL(url);
    const given = round === undefined && via !== undefined;
    const configured = this.#configurationFor(options) !== undefined;
    return [
      // Its standard input has no end (Kubernetes cannot close one half of it), and curl would wait for one.
      ...(configured ? ['IFS= read -r configuration; printf "%s\\n" "$configuration" |'] : []),
      ...(given ? [`HTTPS_PROXY=${this.#proxyFor(via)}`] : []),
      `${curl} --silent --show-error`,
      ...(configured ? ['--config -'] : []),
      `--max-time ${limitMs / 1000}`,
      `--user-agent '${userAgent(id)}'`,
      `--dump-header '${dumpHeader}'`,
      `--write-out '${writeOut}'`,
      ...(this.#destination.ca === undefined ? [] : [`--cacert ${ca}`]),
      ...(range === undefined ? [] : [`--range 0-${range - 1}`]),
      ...(round?.resolve === undefined ? [] : [`--resolve ${hostname}:${port || '443'}:${round.resolve}`]),
      url,
    ].join(' ');
  }

  /** What the client is given: the proxy's name, where the user gave a name. */
  #proxyFor(via: Endpoint): string {
    const given = this.#given;
    if (this.proxyName !== undefined) return this.proxyName;
    return given?.name === undefined ? formatEndpoint(via) : `${given.name}:${given.port}`;
  }

  /** The credentials, which go by standard input: arguments and environment are seen in the node's list of processes. */
  #configurationFor({ via, round }: FetchOptions): string | undefined {
    const credentials = this.#given?.credentials;
    if (credentials === undefined || via === undefined || round !== undefined) return undefined;
    return curlConfiguration(credentials);
  }

  async #run(
    client: PodRef,
    command: string,
    options: FetchOptions,
  ): Promise<{ exitCode: number | undefined; stdout: string; stderr: string }> {
    const configuration = this.#configurationFor(options);
    try {
      const { ca } = this.#destination;
      const given = ca === undefined || !this.isUsersPod(client) ? [] : ['sh', ca];
      return await exec(this.#kube, client, ['sh', '-c', command, ...given], {
        timeoutMs: timeouts.request + 10_000,
        ...(configuration === undefined ? {} : { stdin: `${configuration}\n` }),
      });
    } catch (error) {
      // The request is still judged: the logs may say more than the broken exec.
      if (!(error instanceof ExecError)) throw error;
      return { exitCode: undefined, stdout: '', stderr: error.message };
    }
  }

  /** Of what the sidecar of the user's pod says, only what can be about the request is kept. */
  #ownLines(
    lines: readonly string[] | undefined,
    { client, via }: Request,
    { local }: ClientStatement,
  ): readonly string[] | undefined {
    if (!this.isUsersPod(client)) return lines;
    const ends = [local, via].flatMap((end) => (end === undefined ? [] : formatEndpoint(end)));
    return lines?.filter((line) => ends.some((end) => line.includes(end)));
  }

  /** All at once; but one after the other from a pod whose sidecar only counts. */
  async #askAll(
    requests: readonly Request[],
    testimonies: ReadonlyMap<string, Testimony>,
    clock: NodeClock,
  ): Promise<readonly Asked[]> {
    const last = new Map<string, Promise<unknown>>();
    return Promise.all(
      requests.map((request) => {
        const { namespace, pod } = request.client;
        const testimony = testimonies.get(pod);
        const usersPod = this.isUsersPod(request.client) ? `${namespace}/${pod}` : undefined;
        const ask = (): Promise<Asked> => this.#ask(request, clock);
        if (testimony?.by !== 'counters') return ask();
        const before = last.get(pod) ?? Promise.resolve();
        const asked = before.then(() => askedAndCounted(ask, testimony, usersPod));
        last.set(pod, asked);
        return asked;
      }),
    );
  }

  /** How the sidecars of these requests' clients testify, by pod. */
  async #testimonies(requests: readonly Request[]): Promise<ReadonlyMap<string, Testimony>> {
    const ask = this.testimonyOf;
    if (ask === undefined) return new Map();
    const asked = requests.flatMap(({ client, via, sidecar }) =>
      sidecar === true && via !== undefined ? [{ client, via }] : [],
    );
    const byPod = new Map(asked.map((one) => [one.client.pod, one]));
    return new Map(
      await Promise.all(
        [...byPod].map(async ([pod, { client, via }]) => [pod, await ask(client, via)] as const),
      ),
    );
  }

  /** Gives the client the hermetic destination's CA, once a pod. */
  async trust(client: PodRef): Promise<void> {
    const { ca } = this.#destination;
    const pod = `${client.namespace}/${client.pod}`;
    if (ca === undefined || this.isUsersPod(client) || this.#trusting.has(pod)) return;
    // Of a file system that is read-only, test -w says what the folder's mode does.
    const script = `for folder in /tmp ${folders}; do { printf %s "$1" >"$folder/${caFile}"; } 2>/dev/null && printf %s "$folder" && exit; done; echo no folder of ${folders} can be written to >&2; exit 1`;
    const folder = await execOrThrow(this.#kube, client, ['sh', '-c', script, 'sh', ca]);
    this.#trusting.set(pod, `${folder.trim()}/${caFile}`);
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

/** The witnesses whose statement a trip still lacks; a log that is not followed (undefined) is not waited for. */
function stillSilent(trip: Trip): LogWitness[] {
  const { client, url } = trip;
  // curl: no proxy, no name, no connection. Without a connection no other witness can have seen it.
  if ([5, 6, 7].includes(client.exitCode)) return [];
  const expected: LogWitness[] = ['sidecar'];
  // A client that connected elsewhere bypassed the proxy; a URL of http: is the proxy's own.
  const elsewhere = agrees('client.to', factsOf(trip)) === false;
  // A sidecar without an upstream host ended the connection itself.
  const [line] = trip.sidecar ?? [];
  const ended =
    line !== undefined &&
    (tells(line, 'upstreamHost')
      ? line.upstreamHost === undefined
      : /\b(NR|UH|UO|UF)\b/.test(line.responseFlags));
  if (!elsewhere && !ended) expected.push('proxy');
  // Without a response no request may have reached the origin; what was refused on the way is not waited for there.
  if (client.httpStatus !== 0 && url.startsWith('https:')) expected.push('origin');
  return expected.filter(
    (witness) => trip[witness]?.length === 0 && !(witness === 'sidecar' && trip.counters !== undefined),
  );
}
