import { tableLines } from '../text-table.ts';
import { connectionsLine, gapOf, tripColumns, type TrafficAccount, type TrafficEvent } from './account.ts';

/** The account for a terminal: a table of the clients, the sums of those who saw it, and what happened. */
export function trafficLines(account: TrafficAccount): string[] {
  const { clients, sums, events, gaps, unread } = account;
  const head = ['', ...tripColumns, 'longest gap'];
  const rows = clients.map((client) => {
    const gap = gapOf(client, gaps);
    const told =
      gap === undefined
        ? `${client.exchanges} exchanges`
        : `${(gap.ms / 1000).toFixed(1)} s at ${clock(gap.from)} (${gap.phase})`;
    return [
      `${client.workload} ${client.kind}`,
      ...tripColumns.map((column) => String(client[column])),
      told,
    ];
  });
  const lines = [
    ...tableLines([head, ...rows], (column) => column > 0 && column <= tripColumns.length),
    `connections: ${connectionsLine(sums)}`,
    ...events.slice(0, mostEvents).map(eventLine),
    ...(events.length > mostEvents ? [`… and ${events.length - mostEvents} more, in results.json`] : []),
    ...unread.map((log) => `not read whole: ${log}`),
  ];
  return lines.map((line) => `  ${line}`);
}

/** A terminal is for what happened first; the rest is in results.json. */
const mostEvents = 12;

/** One event in a line: what, to whom, when, in which phase, and why. */
export function eventLine({
  what,
  count,
  pod,
  kind,
  where,
  at,
  until,
  phase,
  restarted,
  why,
  accepted,
}: TrafficEvent): string {
  const times = count === 1 ? '' : ` ×${count} until ${clock(until)}`;
  const who = [pod, kind, restarted ? 'when told to end' : undefined].filter((part) => part !== undefined);
  const at1 = where === undefined ? '' : ` (${where} silent)`;
  return `${what}${at1}: ${who.join(' ')}, ${clock(at)}${times} (${phase}): ${why}${accepted === undefined ? '' : ` (accepted: ${accepted})`}`;
}

function clock(iso: string): string {
  return iso.slice(11, 23);
}
