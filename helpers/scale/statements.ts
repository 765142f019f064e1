import type { LineFollower } from '../kube/lines.ts';
import { ipKey, type Endpoint } from '../trip/endpoint.ts';
import { parseSidecarLine, type ReadSidecarLine } from '../trip/envoy.ts';
import { agrees, imprecisionMs } from '../trip/judgement.ts';
import { parseOriginLine } from '../trip/origin.ts';
import { isFailure, type LogWitness, type Trip } from '../trip/statements.ts';
import { parseProxyLine } from '../trip/squid.ts';

/** The followed logs of all witnesses of the clients' trips. */
export interface FollowedLogs {
  /** By the name of the client's pod. */
  readonly sidecars: ReadonlyMap<string, LineFollower>;
  readonly proxy: LineFollower;
  readonly origin: LineFollower;
}

export interface Ours {
  /** Addresses of the clients' pods. */
  readonly ips: Iterable<string>;
  readonly tripIds: ReadonlySet<string>;
  readonly via: Endpoint;
  /** When the first trip began, ms since the epoch, by the node's clock: an address may have been another pod's before. */
  readonly since: number;
}

/** The clients' lines so far, by witness. Each line is read once, when it arrives. */
export class Tally {
  readonly lines: Record<LogWitness, string[]> = { sidecar: [], proxy: [], origin: [] };
  readonly #logs: FollowedLogs;
  readonly #isOurs: Record<LogWitness, (line: string) => boolean>;
  readonly #cursors = new Map<LineFollower, number>();

  constructor(
    logs: FollowedLogs,
    { ips, tripIds, via, since }: Ours,
    readSidecar: ReadSidecarLine = parseSidecarLine,
  ) {
    this.#logs = logs;
    const addresses = new Set([...ips].map(ipKey));
    this.#isOurs = {
      sidecar: (line) => {
        const said = readSidecar(line);
        return (
          !isFailure(said) &&
          said.startedAt + imprecisionMs(said) >= since &&
          agrees('sidecar.at', { via, sidecar: said }) !== false
        );
      },
      proxy: (line) => {
        const said = parseProxyLine(line);
        return !isFailure(said) && said.endedAt >= since && addresses.has(ipKey(said.clientIp));
      },
      origin: (line) => {
        const said = parseOriginLine(line);
        return !isFailure(said) && said.tripId !== undefined && tripIds.has(said.tripId);
      },
    };
  }

  /** Reads the lines that arrived since the last call. */
  read(): void {
    for (const log of this.#logs.sidecars.values()) this.#take('sidecar', log);
    this.#take('proxy', this.#logs.proxy);
    this.#take('origin', this.#logs.origin);
  }

  /** The clients' lines that were credited to no trip. */
  unclaimed(trips: readonly Trip[]): Record<LogWitness, string[]> {
    const of = (witness: LogWitness): string[] => {
      const credited = new Map<string, number>();
      for (const { line } of trips.flatMap(
        (trip): readonly { readonly line: string }[] => trip[witness] ?? [],
      )) {
        credited.set(line, (credited.get(line) ?? 0) + 1);
      }
      return this.lines[witness].filter((text) => {
        const line = text.trimEnd();
        const left = credited.get(line) ?? 0;
        credited.set(line, left - 1);
        return left <= 0;
      });
    };
    return { sidecar: of('sidecar'), proxy: of('proxy'), origin: of('origin') };
  }

  #take(witness: LogWitness, log: LineFollower): void {
    const cursor = this.#cursors.get(log) ?? 0;
    const lines = log.since(cursor);
    this.#cursors.set(log, cursor + lines.length);
    this.lines[witness].push(...lines.filter(this.#isOurs[witness]));
  }
}
