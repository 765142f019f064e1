import { attribute } from '../helpers/trip/correlate.ts';
import { origin, proxy, sidecar } from '../helpers/trip/expectations.ts';
import { cluster, observationsOf, sampleTrips, title, via } from '../tests/samples/scale.ts';
import { unsoundOf } from '../helpers/scale/trip-findings.ts';
import type { Load } from '../helpers/scale/load.ts';

/** What sorting out whose line is whose costs this process, for so many trips. */
export interface AttributionCost {
  readonly trips: number;
  readonly load: Load;
  /** Median of the repetitions, of all trips and of one. */
  readonly ms: number;
  readonly microsecondsPerTrip: number;
}

const repetitions = 5;
const expectations = [
  sidecar({ cluster, upstream: via }),
  proxy({ result: 'TCP_TUNNEL/200' }),
  origin({ status: 200 }),
];
/** At most 300 pods, and a hundred tunnels of each at once: what grows is what may grow in a run. */
const loads: readonly Load[] = [
  { clients: 10, tunnels: 10, waves: 1 },
  { clients: 25, tunnels: 20, waves: 1 },
  { clients: 50, tunnels: 10, waves: 4 },
  { clients: 50, tunnels: 40, waves: 2 },
  { clients: 100, tunnels: 50, waves: 2 },
  { clients: 200, tunnels: 50, waves: 2 },
  { clients: 1, tunnels: 100, waves: 200 },
];

/**
 * Made-up statements of sound trips, parsed, attributed and diagnosed.
 * @throws Error when a trip did not get its own lines: what is fast and wrong is no measurement
 */
export function attributionCosts(): AttributionCost[] {
  time({ clients: 20, tunnels: 20, waves: 2 });
  return loads.map((load) => {
    const times = Array.from({ length: repetitions }, () => time(load)).sort((a, b) => a - b);
    const ms = times[Math.floor(repetitions / 2)] ?? NaN;
    const trips = load.clients * load.tunnels * load.waves;
    return { trips, load, ms: Math.round(ms), microsecondsPerTrip: Math.round((ms / trips) * 1000) };
  });
}

function time(load: Load): number {
  const observations = observationsOf(sampleTrips(load));
  const start = process.cpuUsage();
  const { count } = unsoundOf(attribute(observations), expectations, title);
  const { user, system } = process.cpuUsage(start);
  if (count > 0) throw new Error(`${count} of ${observations.length} made-up trips are unsound`);
  return (user + system) / 1000;
}
