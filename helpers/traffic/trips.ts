import type { Endpoint } from '../trip/endpoint.ts';
import type { ClientLog, Exchange } from './record.ts';

/** Which of a pod's two clients: new requests, or tunnels that stay open. */
export type TrafficKind = 'requests' | 'tunnels';

export type TripOutcome = 'completed' | 'refused' | 'cut';

/** One connection of a client through the proxy: a request's own, or a tunnel with all its exchanges. */
export interface ClientTrip {
  readonly kind: TrafficKind;
  /** From before the client's first page: nothing is expected of it, but its lines are its own. */
  readonly warm: boolean;
  /** ms since the epoch, by the node's clock. */
  readonly startedAt: number;
  readonly endedAt: number;
  /** The client's side of the connection, undefined when there was none. */
  readonly connection: Endpoint | undefined;
  /** Exchanges that came to a good end. */
  readonly exchanges: number;
  /**
   * - `completed`: ended by the client itself, or by the server as it had said; each exchange with the page.
   * - `refused`: another answer than the page, or no way to the proxy.
   * - `cut`: the tunnel was open, and broke.
   */
  readonly outcome: TripOutcome;
  /** When the exchange that was refused or broke off began; undefined for a completed trip. */
  readonly failedAt: number | undefined;
  /** Why, for a person; '' for a completed trip. */
  readonly why: string;
}

/** The trips that a client's log tells of, in their order. */
export function tripsOf(kind: TrafficKind, log: ClientLog): ClientTrip[] {
  const alone = log.exchanges
    .filter(({ of }) => of === 'warm' || of === 'request')
    .map((exchange) => tripOf(kind, [exchange], judge(exchange), exchange.of === 'warm'));
  const tunnels = new Set(log.exchanges.map(({ of }) => of).filter((of) => of.startsWith('tunnel-')));
  return [
    ...alone,
    ...[...tunnels].flatMap((tunnel) =>
      tunnelTrips(
        log.exchanges.filter(({ of }) => of === tunnel),
        log.moments.closed !== undefined,
      ),
    ),
  ];
}

interface Judgement {
  readonly outcome: TripOutcome;
  readonly failedAt?: number;
  readonly why: string;
}

const completed: Judgement = { outcome: 'completed', why: '' };
/** curl: 22 is an answer with a status of 400 or above (--fail), 60 an untrusted certificate. */
const otherAnswer = new Set([22, 60]);

function isGood({ exitCode, status }: Exchange): boolean {
  return exitCode === 0 && (status === 200 || status === 206);
}

/** An exchange on a connection of its own. */
function judge(exchange: Exchange): Judgement {
  if (isGood(exchange)) return completed;
  const { exitCode, connectStatus } = exchange;
  const cut = exitCode !== 0 && !otherAnswer.has(exitCode) && connectStatus === 200;
  return { outcome: cut ? 'cut' : 'refused', failedAt: exchange.startedAt, why: wordsOf(exchange) };
}

function wordsOf({ exitCode, status, connectStatus, message }: Exchange): string {
  if (message !== '') return `curl ${exitCode}: ${message}`;
  const answered = status === 0 ? `CONNECT answered ${connectStatus}` : `answered ${status}`;
  return exitCode === 0 ? answered : `curl ${exitCode}, ${answered}`;
}

/** The connections that one tunnel had one after the other: a single one where nothing happened to it. */
function tunnelTrips(exchanges: readonly Exchange[], closed: boolean): ClientTrip[] {
  const trips: ClientTrip[] = [];
  let open: Exchange[] = [];
  const end = (judgement: Judgement): void => {
    if (open.length > 0) trips.push(tripOf('tunnels', open, worst(open, judgement), false));
    open = [];
  };
  for (const exchange of exchanges) {
    const previous = open.at(-1);
    if (exchange.newConnections > 0 && previous !== undefined) {
      const why = 'the tunnel was gone when the next exchange began; curl opened another';
      // After an answer that it does not take, curl gives the connection up by itself.
      const isCut = isGood(previous) && !previous.isLast;
      end(isCut ? { outcome: 'cut', failedAt: exchange.startedAt, why } : completed);
    }
    open.push(exchange);
    if (isGood(exchange) || otherAnswer.has(exchange.exitCode) || exchange.exitCode === 0) continue;
    // One that had worked was open, whatever curl met with when it tried again.
    const how = judge(exchange);
    end(open.length > 1 ? { ...how, outcome: 'cut' } : how);
  }
  const last = exchanges.at(-1);
  end(
    closed || last === undefined
      ? completed
      : { outcome: 'cut', failedAt: last.at, why: 'the client itself ended without a word' },
  );
  return trips;
}

/** A tunnel over which anything else than the page came has not completed, however it ended. */
function worst(exchanges: readonly Exchange[], judgement: Judgement): Judgement {
  if (judgement.outcome !== 'completed') return judgement;
  const bad = exchanges.find((exchange) => !isGood(exchange));
  return bad === undefined ? judgement : { ...judge(bad), outcome: 'refused' };
}

function tripOf(
  kind: TrafficKind,
  exchanges: readonly Exchange[],
  { outcome, failedAt, why }: Judgement,
  warm: boolean,
): ClientTrip {
  const [first] = exchanges;
  if (first === undefined) throw new TypeError('a trip has an exchange at least');
  return {
    kind,
    warm,
    startedAt: first.startedAt,
    endedAt: exchanges.at(-1)?.at ?? first.at,
    // curl forgets the address of a connection that failed: any of the exchanges may know it.
    connection: exchanges.find(({ local }) => local !== undefined)?.local,
    exchanges: exchanges.filter(isGood).length,
    outcome,
    failedAt,
    why,
  };
}
