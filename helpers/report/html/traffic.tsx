import { connectionsLine, gapOf, tripColumns, type TrafficAccount } from '../../traffic/account.ts';
import { eventLine } from '../../traffic/traffic-lines.ts';
import type { Results } from '../../results/results.ts';
import { counted, duration } from './format.ts';
import { Pairs, Table } from './table.tsx';
import { bandsOf, momentsOf, TrafficPlot } from './traffic-plot.tsx';

/** results.json has them all. */
const mostEvents = 50;

/** The account of live traffic: a plot over time, the figures, and everything that should not have happened. */
export function Traffic({ run, traffic }: { readonly run: Results; readonly traffic: TrafficAccount }) {
  const bands = bandsOf(traffic);
  const moments = momentsOf(run, traffic);
  const { timeline, sums, events, unread } = traffic;
  return (
    <>
      {timeline === undefined ? null : (
        <figure class="plot-figure">
          <TrafficPlot {...{ traffic, timeline, bands, moments }} width={960} class="wide" />
          <TrafficPlot {...{ traffic, timeline, bands, moments }} width={380} class="tall" />
          <figcaption>
            Trips completed in each second, and below them (⇄) the tunnels that were open; ✗ stands where
            trips were refused or cut. Letters are the gate’s phases, numbers what the upgrade did.
          </figcaption>
          <div class="legends">
            <Pairs
              class="legend"
              pairs={bands.map(({ letter, name, fromMs }) => [
                letter,
                <>
                  {name} <span class="at">{duration(fromMs)}</span>
                </>,
              ])}
            />
            <Pairs
              class="legend"
              pairs={moments.map(({ number, id, title, status, fromMs }) => [
                number,
                <>
                  {id} {title}
                  {status === 'failed' ? <strong class="bad"> failed</strong> : null}{' '}
                  <span class="at">{duration(fromMs)}</span>
                </>,
              ])}
            />
          </div>
        </figure>
      )}
      <Table
        label="Live traffic by client"
        head={['Client', ...tripColumns, 'Exchanges', 'Longest gap']}
        numeric={[1, 2, 3, 4, 5, 6, 7]}
        rows={traffic.clients.map((client) => {
          const gap = gapOf(client, traffic.gaps);
          return [
            `${client.workload} ${client.kind}`,
            ...tripColumns.map((column) => <Count count={client[column]} bad={!sound.has(column)} />),
            client.exchanges.toLocaleString('en'),
            gap === undefined ? '' : `${duration(gap.ms)} (${gap.phase})`,
          ];
        })}
      />
      <p>Connections: {connectionsLine(sums)}.</p>
      {unread.map((log) => (
        <p key={log} class="bad">
          ✗ Not read whole: {log}
        </p>
      ))}
      {events.length === 0 ? (
        <p>Nothing happened to any trip that should not have.</p>
      ) : (
        <>
          <h3>What happened to trips</h3>
          <ol class="events">
            {events.slice(0, mostEvents).map((event, index) => (
              <li key={index}>
                {eventLine(event)}
                {event.line === undefined ? null : <pre>{event.line}</pre>}
              </li>
            ))}
          </ol>
          {events.length <= mostEvents ? null : (
            <p>{counted(events.length - mostEvents, 'further event')} in results.json.</p>
          )}
        </>
      )}
    </>
  );
}

const sound: ReadonlySet<string> = new Set(['opened', 'completed']);

function Count({ count, bad }: { readonly count: number; readonly bad: boolean }) {
  return bad && count > 0 ? (
    <strong class="bad">✗ {count.toLocaleString('en')}</strong>
  ) : (
    count.toLocaleString('en')
  );
}
