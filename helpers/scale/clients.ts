import { Readable } from 'node:stream';
import type { V1Pod } from '@kubernetes/client-node';
import { EnvironmentError } from '../errors.ts';
import { eventually, EventuallyError } from '../eventually/eventually.ts';
import type { Kube } from '../kube/client.ts';
import { ExecSession } from '../kube/exec-session.ts';
import type { PodRef } from '../kube/exec.ts';
import { LineFollower } from '../kube/lines.ts';
import { timeouts } from '../timeouts.ts';
import { attribute, type Observation } from '../trip/correlate.ts';
import { squidLog } from '../trip/logs.ts';
import { type Endpoint, formatEndpoint, parseEndpoint } from '../trip/endpoint.ts';
import type { ReadSidecarLine } from '../trip/envoy.ts';
import type { Trip, ClientStatement } from '../trip/statements.ts';
import { holdSeconds, type Load } from './load.ts';
import { Tally, type FollowedLogs } from './statements.ts';
import { unknownExitCode } from '../trip/curl.ts';
import { tripId } from './objects.ts';

/** Commands started in pods at the same time: each is a process that the node has to make. */
const startedAtOnce = 8;

interface ClientsOptions {
  readonly load: Load;
  readonly pods: readonly V1Pod[];
  readonly url: string;
  readonly via: Endpoint;
  readonly squid: PodRef;
  readonly origin: PodRef;
  /** How the access logs of their sidecars are read; in Istio's default formats when not given. */
  readonly readSidecar?: ReadSidecarLine | undefined;
}

interface Client {
  readonly pod: { readonly namespace: string; readonly name: string; readonly ip: string };
  readonly session: ExecSession;
}

/** Pods that open many tunnels at once, and those who see them. Every log is followed as one stream, from before the first. */
export class Clients implements AsyncDisposable {
  readonly #options: ClientsOptions;
  readonly #logs: FollowedLogs;
  #clients: readonly Client[] = [];
  readonly #waves: { readonly wave: Wave; readonly from: number; readonly until: number }[] = [];

  private constructor(kube: Kube, options: ClientsOptions) {
    this.#options = options;
    this.#logs = {
      sidecars: new Map(
        options.pods.map(({ metadata }) => {
          const { namespace = '', name = '' } = metadata ?? {};
          return [name, LineFollower.ofContainer(kube, { namespace, pod: name, container: 'istio-proxy' })];
        }),
      ),
      proxy: LineFollower.ofFile(kube, options.squid, squidLog),
      origin: LineFollower.ofContainer(kube, options.origin),
    };
  }

  /** Starts the client in each pod, and waits until all wait for their first wave and all logs are open. */
  static async start(kube: Kube, options: ClientsOptions): Promise<Clients> {
    const clients = new Clients(kube, options);
    try {
      await Promise.all(clients.#followers().map((log) => log.opened(timeouts.exec)));
      const start = async ({ metadata, status }: V1Pod): Promise<Client> => {
        const { namespace = '', name = '' } = metadata ?? {};
        const target = { namespace, pod: name, container: 'client' };
        const session = await ExecSession.open(kube, target, ['sh', '/scale/tunnels.sh']);
        const problem = await session.until(0, (line) => line === 'ready', timeouts.exec);
        if (problem !== undefined) {
          session[Symbol.dispose]();
          throw new EnvironmentError(
            `The client in ${session.where} does not start: ${problem}`,
            'Look at the pod.',
          );
        }
        return { pod: { namespace, name, ip: status?.podIP ?? '' }, session };
      };
      const started = Readable.from(options.pods).map(start, { concurrency: startedAtOnce });
      clients.#clients = (await started.toArray()) as Client[];
      return clients;
    } catch (error) {
      await clients[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** All tunnels of all clients at once; ends when the last of them has closed, or its client is not heard of any more. */
  async wave(number: number): Promise<void> {
    const { load } = this.#options;
    const limit = (holdSeconds(load) * 3 + 60) * 1000 + timeouts.exec;
    const from = Date.now();
    const waves = await Promise.all(
      this.#clients.map(async ({ pod, session }): Promise<Wave> => {
        const cursor = session.cursor();
        session.write(`wave ${number}`);
        const problem = await session.until(cursor, (line) => line.startsWith(`end|${number}|`), limit);
        return { pod, wave: number, tunnels: load.tunnels, lines: session.since(cursor), problem };
      }),
    );
    const until = Date.now();
    this.#waves.push(...waves.map((wave) => ({ wave, from, until })));
  }

  /**
   * Every trip with its own statements, once all who must have seen it have spoken, or have had the time to. What is
   * missing then is for a diagnosis to say; `unclaimed` are lines of these clients that belong to no trip.
   * @throws EnvironmentError when a log with lines missing could not be read
   */
  async trips(): Promise<{ readonly trips: Trip[]; readonly unclaimed: ReturnType<Tally['unclaimed']> }> {
    const { url, via, readSidecar } = this.#options;
    const told = this.#waves.flatMap(({ wave, ...runner }) =>
      clientStatements(wave, runner).map((one) => ({ ...one, pod: wave.pod.name })),
    );
    const since = Math.min(...told.map(({ client }) => client.startedAt));
    const ours = {
      ips: this.#clients.map(({ pod }) => pod.ip),
      tripIds: new Set(told.map(({ id }) => id)),
      via,
      since,
    };
    const tally = new Tally(this.#logs, ours, readSidecar);
    const opened = told.filter(({ client }) => client.local !== undefined).length;
    await this.#allLines(tally, opened);
    const proxy = this.#logs.proxy.since(0);
    const origin = this.#logs.origin.since(0);
    const sidecars = new Map([...this.#logs.sidecars].map(([pod, log]) => [pod, log.since(0)]));
    const trips = attribute(
      told.map(({ id, client, pod }): Observation => ({
        ...{ id, url, via, client },
        lines: { sidecar: sidecars.get(pod), proxy, origin },
      })),
      readSidecar,
    );
    return { trips, unclaimed: tally.unclaimed(trips) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { session } of this.#clients) session[Symbol.dispose]();
    await Promise.all(this.#followers().map((log) => log[Symbol.asyncDispose]()));
  }

  /** Resolves when every witness has as many lines of the clients as they had connections, or in vain. */
  async #allLines(tally: Tally, opened: number): Promise<void> {
    try {
      await eventually(
        'the lines of all trips',
        () => {
          tally.read();
          const { sidecar, proxy, origin } = tally.lines;
          if (sidecar.length >= opened && proxy.length >= opened && origin.length >= opened) return;
          throw new Error(
            `sidecars ${sidecar.length}, Squid ${proxy.length}, origin ${origin.length} of ${opened}`,
          );
        },
        { timeoutMs: timeouts.statements, intervalMs: 250 },
      );
    } catch (error) {
      if (!(error instanceof EventuallyError)) throw error;
      for (const log of this.#followers()) {
        const problem = log.problem();
        if (problem === undefined) continue;
        throw new EnvironmentError(
          `The ${log.what} cannot be followed: ${problem}`,
          'Look at the pod, and at the API server.',
          { cause: error },
        );
      }
    }
  }

  #followers(): LineFollower[] {
    return [...this.#logs.sidecars.values(), this.#logs.proxy, this.#logs.origin];
  }
}

/** One wave of one pod, as fixtures/scale/tunnels.sh told of it. */
interface Wave {
  readonly pod: { readonly namespace: string; readonly name: string; readonly ip: string };
  readonly wave: number;
  readonly tunnels: number;
  /** Its lines from `begin` to `end`; what came of them, where it broke off. */
  readonly lines: readonly string[];
  /** Why it broke off; undefined for one that came to its end. */
  readonly problem?: string | undefined;
}

/**
 * What the client of each tunnel says, all of the wave's, in their order: one of which nothing was heard says so by its
 * exit code. Their times are the wave's, whole seconds of the node's clock.
 * @param from, until The wave by the runner's clock, where the pod does not tell
 */
export function clientStatements(
  { pod, wave, tunnels, lines, problem }: Wave,
  runner: { readonly from: number; readonly until: number },
): { readonly id: string; readonly client: ClientStatement }[] {
  const fields = lines.map((line) => line.split('|'));
  const trips = new Map(fields.filter(([kind]) => kind === 'trip').map((own) => [own[1] ?? '', own]));
  const titles = new Map(
    fields
      .filter(([kind]) => kind === 'title')
      .map(([, number, ...words]) => [Number(number), words.join('|')]),
  );
  const second = (kind: string): number | undefined => {
    const at = Number(fields.find((own) => own[0] === kind)?.[2]);
    return Number.isInteger(at) ? at * 1000 : undefined;
  };
  const startedAt = second('begin') ?? runner.from;
  const ended = second('end');
  const endedAt = ended === undefined ? runner.until : ended + 1000;
  const curl = fields.find(([kind]) => kind === 'end')?.[3];
  return Array.from({ length: tunnels }, (_none, index) => {
    const id = tripId(pod.name, wave, index + 1);
    const own = trips.get(id);
    const [exit, status, connect, localIp, localPort, remoteIp, remotePort, bytes, seconds, ...words] =
      own?.slice(2) ?? [];
    const exitCode = own === undefined ? unknownExitCode : Number(exit);
    const silent = problem ?? `curl gave no figures of it${curl === undefined ? '' : ` (exit code ${curl})`}`;
    const message = own === undefined ? silent : words.join('|');
    return {
      id,
      client: {
        witness: 'client',
        pod: `${pod.namespace}/${pod.name}`,
        podIp: pod.ip,
        command: `curl --parallel --config tunnels.conf # wave ${wave}, tunnel ${index + 1}`,
        exitCode,
        errorMessage: exitCode === 0 ? '' : message,
        local: endpoint(localIp, localPort),
        remote: endpoint(remoteIp, remotePort),
        httpStatus: Number(status ?? 0),
        connectStatus: Number(connect ?? 0),
        bytesDownloaded: Number(bytes ?? 0),
        title: titles.get(index + 1),
        startedAt,
        endedAt,
        timeTotalMs: Math.round(Number(seconds ?? 0) * 1000),
      },
    };
  });
}

function endpoint(ip = '', port = '0'): Endpoint | undefined {
  return ip === '' ? undefined : parseEndpoint(formatEndpoint({ ip, port: Number(port) }));
}
