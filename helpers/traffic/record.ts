import type { StampedLine } from '../kube/lines.ts';
import { formatEndpoint, parseEndpoint, type Endpoint } from '../trip/endpoint.ts';

/** One exchange of a client, as fixtures/traffic/*.sh print it when it is over. */
export interface Exchange {
  /** `warm`: from before the first page. `request`: with a connection of its own. `tunnel-1`: over that tunnel. */
  readonly of: string;
  /** When it was over, ms since the epoch, by the node's clock. */
  readonly at: number;
  readonly startedAt: number;
  readonly exitCode: number;
  /** Status of the page's response, 0 when none came. */
  readonly status: number;
  /** Status of the answer to CONNECT, 0 when none came or none was asked for. */
  readonly connectStatus: number;
  /** The connection's local side, undefined when there was no connection. */
  readonly local: Endpoint | undefined;
  /** Connections that curl opened for it: 0 when it used the one it had. */
  readonly newConnections: number;
  /** The answer said that its connection ends with it. */
  readonly isLast: boolean;
  /** curl's own words when it failed, else ''. */
  readonly message: string;
}

/** What a client says of itself: it had its first page; it was told to end; it has ended in good order. */
export type Moment = 'ready' | 'closing' | 'closed';

export interface ClientLog {
  readonly exchanges: readonly Exchange[];
  /** Time of each, undefined while it has not come. */
  readonly moments: Readonly<Partial<Record<Moment, number>>>;
}

const shape =
  /^(?<of>warm|request|tunnel-\d+)\|\d+\|(?<exit>\d+)\|(?<status>\d+)\|(?<connect>\d+)\|(?<ip>[^|]*)\|(?<port>-?\d+)\|(?<opened>\d+)\|(?<seconds>\d+\.\d+)\|(?<connection>[^|]*)\|(?<message>.*)$/;
const moments: readonly Moment[] = ['ready', 'closing', 'closed'];

/** What a client's log says; lines that are no records are left out, and then missed by the account. */
export function readClientLog(lines: readonly StampedLine[]): ClientLog {
  const exchanges: Exchange[] = [];
  const seen: Partial<Record<Moment, number>> = {};
  for (const { at, text } of lines) {
    const [kind, name = ''] = text.split('|');
    const moment = moments.find((one) => one === name);
    if (kind === 'event' && moment !== undefined) seen[moment] ??= at;
    const exchange = parseExchange(at, text);
    if (exchange !== undefined) exchanges.push(exchange);
  }
  return { exchanges, moments: seen };
}

function parseExchange(at: number, text: string): Exchange | undefined {
  const groups = shape.exec(text)?.groups;
  if (groups === undefined) return undefined;
  const { of = '', ip = '', connection = '', message = '' } = groups;
  const number = (name: string): number => Number(groups[name]);
  return {
    of,
    at,
    startedAt: at - Math.round(number('seconds') * 1000),
    exitCode: number('exit'),
    status: number('status'),
    connectStatus: number('connect'),
    local: ip === '' ? undefined : parseEndpoint(formatEndpoint({ ip, port: number('port') })),
    newConnections: number('opened'),
    isLast: /\bclose\b/i.test(connection),
    message,
  };
}
