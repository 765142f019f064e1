import type { CauseCode } from '../causes/causes.ts';
import type { Finding } from '../trip/finding.ts';
import { connectionsLine, type TrafficAccount, type TrafficEvent } from './account.ts';
import { eventLine } from './traffic-lines.ts';

/** In this order: what was open and broke is worse than what never began, and may be why no witness reports the rest. */
const kinds: readonly {
  readonly cause: CauseCode;
  readonly whats: readonly TrafficEvent['what'][];
  readonly are: string;
  readonly expected: string;
}[] = [
  {
    cause: 'TRAFFIC_CUT',
    whats: ['cut'],
    are: 'cut',
    expected: 'none: what is open is ended by its own client',
  },
  {
    cause: 'TRAFFIC_REFUSED',
    whats: ['refused'],
    are: 'refused',
    expected: 'none: each has its page',
  },
  {
    cause: 'TRAFFIC_LOST',
    whats: ['lost', 'astray'],
    are: 'lost, or went another way',
    expected: "client, sidecar and proxy tell the same of each, by the ServiceEntry's cluster",
  },
];

/** A time in which connections of the sidecar that is never restarted may be cut, with the reason; ms since the epoch. */
export interface AcceptedCut {
  readonly from: number;
  readonly until: number;
  readonly reason: string;
}

/** The account, each cut with the reason of what accepts it. */
export function withAccepted(account: TrafficAccount, accepted: readonly AcceptedCut[]): TrafficAccount {
  const events = account.events.map((event) => {
    const by = acceptedBy(event, accepted);
    return by === undefined ? event : { ...event, accepted: by.reason };
  });
  return { ...account, events };
}

/** What the account of live traffic shows that must not be; empty when all is well. */
export function findingsOf(account: TrafficAccount): Finding[] {
  const { unread } = account;
  const events = account.events.filter(({ accepted }) => accepted === undefined);
  const findings: Finding[] = kinds.flatMap(({ cause, whats, are, expected }) => {
    const here = events.filter(({ what }) => whats.includes(what));
    const [first] = here;
    if (first === undefined) return [];
    const count = here.reduce((sum, event) => sum + event.count, 0);
    return [
      { cause, seen: `${count} of ${opened(account)} trips were ${are}; ${firstOf(here, first)}`, expected },
    ];
  });
  const lost = (seen: string, expected: string): void => {
    findings.push({ cause: 'TRAFFIC_LOST', seen, expected });
  };
  if (unread.length > 0) lost(`not read whole: ${unread.join('; ')}`, 'every log is read to its end');
  // Without traffic nothing can go wrong with it, and nothing is proved.
  const idle = account.clients.filter((client) => client.opened === 0);
  if (idle.length > 0 || account.clients.length === 0) {
    const who = idle.map(({ workload, kind }) => `${kind} of ${workload}`).join(', ') || 'any client';
    lost(`no trip at all: ${who}`, 'each client sends traffic');
  }
  // The events are to name every difference; should they not, the sums still tell.
  if (findings.length === 0 && !agree(account))
    lost(connectionsLine(account.sums), 'the same number of connections');
  return findings;
}

function acceptedBy(
  { what, workload, at, until }: TrafficEvent,
  accepted: readonly AcceptedCut[],
): AcceptedCut | undefined {
  if (what !== 'cut' || workload !== 'kept') return undefined;
  return accepted.find((one) => Date.parse(at) >= one.from && Date.parse(until) <= one.until);
}

/** What the record of a step says of the account. */
export function accountFacts(account: TrafficAccount): Record<string, string> {
  const total = (column: 'completed' | 'refused' | 'cut' | 'lost' | 'astray'): number =>
    account.clients.reduce((sum, client) => sum + client[column], 0);
  const [longest] = [...account.gaps].sort((a, b) => b.ms - a.ms);
  const tunnels = account.clients.filter(({ kind }) => kind === 'tunnels');
  const exchanges = tunnels.reduce((sum, client) => sum + client.exchanges, 0);
  return {
    trips: `${opened(account)} opened, ${total('completed')} completed, ${total('refused')} refused, ${total('cut')} cut, ${total('lost') + total('astray')} lost or another way`,
    'exchanges in tunnels': String(exchanges),
    'refused at start': refusedAtStart(account),
    connections: connectionsLine(account.sums),
    'longest gap':
      longest === undefined
        ? 'no request ever had its page'
        : `${(longest.ms / 1000).toFixed(1)} s, ${longest.workload}, in ${longest.phase}`,
  };
}

/** Requests of applications that began before their sidecar was ready. */
function refusedAtStart({ clients }: TrafficAccount): string {
  const refused = clients.flatMap(({ workload, kind, refusedAtStart: count = 0 }) =>
    count === 0 ? [] : [`${count} ${kind} of ${workload}`],
  );
  return refused.length === 0 ? 'none' : refused.join(', ');
}

function firstOf(events: readonly TrafficEvent[], first: TrafficEvent): string {
  // One on a proxy that was not restarted says more than the first one, which may be of a pod on its way out.
  const telling = events.find(({ restarted }) => !restarted) ?? first;
  return `${telling === first ? 'first' : 'on a pod that was not told to end'} ${eventLine(telling)}`;
}

function opened({ clients }: TrafficAccount): number {
  return clients.reduce((sum, client) => sum + client.opened, 0);
}

function agree({ sums: { client, sidecar, proxy, endedAtSidecar } }: TrafficAccount): boolean {
  return sidecar === client && (proxy === undefined || proxy === sidecar - endedAtSidecar);
}
