import { formatEndpoint } from '../../trip/endpoint.ts';
import type { Trip } from '../../trip/statements.ts';
import { bytes, clock, counted, duration } from './format.ts';
import { wayOf } from './trip-hops.ts';
import { TallPicture, WidePicture } from './trip-picture.tsx';
import { Pairs } from './table.tsx';

interface TripProps {
  readonly trip: Trip;
  /** The step that judged it failed. */
  readonly faulty: boolean;
}

/** A request: its way as a picture, and below it what each witness said, word for word. */
export function TripFigure({ trip, faulty }: TripProps) {
  const way = wayOf(trip);
  const via = trip.via === undefined ? 'without a proxy' : `by way of ${formatEndpoint(trip.via)}`;
  return (
    <figure class={faulty ? 'trip-figure faulty' : 'trip-figure'}>
      <WidePicture {...{ way, faulty }} />
      <TallPicture {...{ way, faulty }} />
      <figcaption>
        {trip.url} {via} at {clock(trip.client.startedAt)}
      </figcaption>
      <details>
        <summary>
          What each witness said <span class="unseen">of trip {trip.id}</span>
        </summary>
        <ClientFigures trip={trip} />
        <Lines name="Sidecar: Envoy’s access log" lines={trip.sidecar} />
        <Lines name="Squid: its access log" lines={trip.proxy} />
        <Lines name="Origin: its access log" lines={trip.origin} />
        <Unmatched trip={trip} />
      </details>
    </figure>
  );
}

function ClientFigures({ trip: { id, client } }: { readonly trip: Trip }) {
  const { local, remote, title, errorMessage, proxyError } = client;
  const address = (endpoint: Trip['via']): string =>
    endpoint === undefined ? 'none' : formatEndpoint(endpoint);
  const figures: [string, string][] = [
    ['pod', `${client.pod} (${client.podIp})`],
    ['exit code', `${client.exitCode}${errorMessage === '' ? '' : `: ${errorMessage}`}`],
    ['status', `page ${client.httpStatus}, CONNECT ${client.connectStatus}`],
    ['connection', `${address(local)} → ${address(remote)}`],
    ['page', `${bytes(client.bytesDownloaded)}${title === undefined ? ', no title' : `, title “${title}”`}`],
    ['took', `${duration(client.timeTotalMs)} by curl’s own count`],
    ...(proxyError === undefined ? [] : ([['Squid’s word', proxyError]] satisfies [string, string][])),
    ['trip', id],
  ];
  return (
    <div class="statement">
      <p class="who">Client: curl’s own figures</p>
      <pre>{client.command}</pre>
      <Pairs class="figures" pairs={figures} />
    </div>
  );
}

interface LinesProps {
  readonly name: string;
  readonly lines: readonly { readonly line: string }[] | undefined;
}

function Lines({ name, lines }: LinesProps) {
  return (
    <div class="statement">
      <p class="who">{name}</p>
      {lines === undefined ? (
        <p class="none">Not followed.</p>
      ) : lines.length === 0 ? (
        <p class="none">No line of this request.</p>
      ) : (
        lines.map(({ line }, index) => <pre key={index}>{line}</pre>)
      )}
    </div>
  );
}

/** Under live traffic there are hundreds, and results.json has them. */
const mostUnmatched = 8;

function Unmatched({ trip: { unmatched } }: { readonly trip: Trip }) {
  if (unmatched.length === 0) return null;
  const more = unmatched.length - mostUnmatched;
  return (
    <div class="statement">
      <p class="who">{counted(unmatched.length, 'line')} of the same logs that are not this request’s</p>
      {unmatched.slice(0, mostUnmatched).map(({ witness, line, why }, index) => (
        <div key={index}>
          <p class="none">
            {witness}: {why}
          </p>
          <pre>{line}</pre>
        </div>
      ))}
      {more <= 0 ? null : <p class="none">{counted(more, 'further line')} in results.json.</p>}
    </div>
  );
}
