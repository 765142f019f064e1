import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attribute, type Observation } from './correlate.ts';
import { formatEndpoint } from './endpoint.ts';
import { defaultTextFormats } from './envoy.ts';
import { cluster, originLine, startedAt, url, via } from '../../tests/samples/trip.ts';
import { envoyLine, formatProxyLine } from '../../tests/samples/log-lines.ts';
import type { LogWitness } from './statements.ts';
import { userAgent } from './origin.ts';

/** A connection of a pod, as far as its lines go. Times are ms after {@link startedAt}. */
interface Connection {
  readonly pod: string;
  readonly port: number;
  readonly start: number;
  readonly duration: number;
  readonly bytes: number;
  /** By how much Squid's beginning and end lie after the sidecar's. */
  readonly jitter: readonly [number, number];
}

function sidecarLine({ pod, port, start, duration, bytes }: Connection): string {
  return envoyLine(
    defaultTextFormats['1.9+'],
    new Map([
      ['START_TIME', new Date(startedAt + start).toISOString()],
      ['RESPONSE_CODE', '0'],
      ['BYTES_RECEIVED', '861'],
      ['BYTES_SENT', String(bytes)],
      ['DURATION', String(duration)],
      ['UPSTREAM_HOST', formatEndpoint(via)],
      ['UPSTREAM_CLUSTER_RAW', cluster],
      ['DOWNSTREAM_LOCAL_ADDRESS', formatEndpoint(via)],
      ['DOWNSTREAM_REMOTE_ADDRESS', `${pod}:${port}`],
    ]),
  );
}

function proxyLine({ pod, start, duration, bytes, jitter: [late, later] }: Connection): string {
  const endedAt = startedAt + start + duration + later;
  return formatProxyLine({
    endedAt,
    elapsedMs: endedAt - (startedAt + start + late),
    clientIp: pod,
    result: 'TCP_TUNNEL',
    status: 200,
    bytes,
    method: 'CONNECT',
    target: 'en.wikipedia.org:443',
    hierarchy: 'HIER_DIRECT',
    peer: '10.42.0.4',
  });
}

const pods = ['10.42.0.6', '10.42.0.7', '10.42.0.8'];
const strangers = ['10.42.0.60', '10.42.0.70'];
const connection = (pod: fc.Arbitrary<string>, start: fc.Arbitrary<number>, bytes: fc.Arbitrary<number>) =>
  fc.record({
    pod,
    start,
    bytes,
    port: fc.integer({ min: 32768, max: 60999 }),
    duration: fc.integer({ min: 4, max: 300 }),
    jitter: fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: -1, max: 2 })),
  });
const now = fc.integer({ min: 0, max: 400 });
const past = fc.integer({ min: -20_000, max: -1_200 });

/** Bytes that tell connections apart, or the page's own, which do not. */
const scene = (bytes: 'distinct' | 'alike') =>
  fc
    .record({
      trips: fc.uniqueArray(connection(fc.constantFrom(...pods), now, fc.constantFrom(2085, 2097)), {
        minLength: 1,
        maxLength: 7,
        selector: (one) => `${one.pod}:${one.port}`,
      }),
      stale: fc.array(connection(fc.constantFrom(...pods), past, fc.constant(2085)), { maxLength: 6 }),
      neighbours: fc.array(connection(fc.constantFrom(...strangers), now, fc.constant(2085)), {
        maxLength: 6,
      }),
      seed: fc.array(fc.nat(), { minLength: 60, maxLength: 60 }),
    })
    .map(({ trips, ...rest }) => ({
      ...rest,
      trips: bytes === 'alike' ? trips : trips.map((one, index) => ({ ...one, bytes: 2000 + 1000 * index })),
    }));

/** A permutation of the list, by numbers that fast-check can shrink. */
function shuffle<T>(list: readonly T[], seed: readonly number[]): T[] {
  return list
    .map((value, index) => ({ value, key: (seed[index] ?? 0) % 997 }))
    .sort((a, b) => a.key - b.key)
    .map(({ value }) => value);
}

interface Scene {
  readonly trips: readonly Connection[];
  readonly stale: readonly Connection[];
  readonly neighbours: readonly Connection[];
  readonly seed: readonly number[];
}

const originOf = (index: number): string =>
  originLine({ http_user_agent: userAgent(`trip-${index}`), msec: ((startedAt + 3) / 1000).toFixed(3) });

/** What each trip's observation would be, with one line left out. */
function observe(
  { trips, stale, neighbours, seed }: Scene,
  lost?: { witness: LogWitness; index: number },
): Observation[] {
  const others = [...stale, ...neighbours];
  const keep = (witness: LogWitness, all: readonly string[]): string[] =>
    shuffle(
      all.filter((_line, index) => lost?.witness !== witness || lost.index !== index),
      seed,
    );
  const lines = {
    sidecar: keep('sidecar', [...trips, ...others].map(sidecarLine)),
    proxy: keep('proxy', [...trips, ...others].map(proxyLine)),
    origin: keep(
      'origin',
      trips.map((_trip, index) => originOf(index)),
    ),
  };
  return trips.map(({ pod, port, start, duration }, index): Observation => ({
    id: `trip-${index}`,
    url,
    via,
    lines,
    client: {
      witness: 'client',
      pod: `default/${pod}`,
      podIp: pod,
      command: 'curl',
      exitCode: 0,
      errorMessage: '',
      local: { ip: pod, port },
      remote: via,
      httpStatus: 200,
      connectStatus: 200,
      bytesDownloaded: 212,
      title: undefined,
      startedAt: startedAt + start - 50,
      endedAt: startedAt + start + duration + 30,
      timeTotalMs: duration,
    },
  }));
}

describe('attribute', () => {
  it('gives every trip exactly its own statements', () => {
    fc.assert(
      fc.property(scene('distinct'), (all) => {
        const trips = attribute(observe(all));
        all.trips.forEach((own, index) => {
          const trip = trips[index];
          expect(trip?.sidecar?.map((one) => one.line)).toEqual([sidecarLine(own)]);
          expect(trip?.proxy?.map((one) => one.line)).toEqual([proxyLine(own)]);
          expect(trip?.origin?.map((one) => one.line)).toEqual([originOf(index)]);
          expect(trip?.ambiguities).toEqual([]);
        });
      }),
      { numRuns: 300 },
    );
  });

  it('misses a lost line in precisely the trip that lost it', () => {
    const lost = fc.record({ witness: fc.constantFrom('sidecar', 'proxy', 'origin'), index: fc.nat() });
    fc.assert(
      fc.property(scene('distinct'), lost, (all, { witness, index }) => {
        const loser = index % all.trips.length;
        const trips = attribute(observe(all, { witness, index: loser }));
        all.trips.forEach((own, position) => {
          const trip = trips[position];
          const expected = { sidecar: sidecarLine(own), proxy: proxyLine(own), origin: originOf(position) };
          for (const one of ['sidecar', 'proxy', 'origin'] as const) {
            const missing = position === loser && one === witness;
            expect(trip?.[one]?.map(({ line }) => line)).toEqual(missing ? [] : [expected[one]]);
          }
        });
      }),
      { numRuns: 300 },
    );
  });

  it('credits no line twice, and says so where pages alike leave it open whose a line is', () => {
    fc.assert(
      fc.property(scene('alike'), fc.option(fc.nat(), { nil: undefined }), (all, index) => {
        const lost =
          index === undefined ? undefined : { witness: 'proxy' as const, index: index % all.trips.length };
        const trips = attribute(observe(all, lost));
        const credited = trips.flatMap((trip) => trip.proxy ?? []);
        expect(new Set(credited).size).toBe(credited.length);
        all.trips.forEach((own, position) => {
          const trip = trips[position];
          const sure = trip?.ambiguities.length === 0;
          const expected = lost?.index === position ? [] : [proxyLine(own)];
          if (sure) expect(trip.proxy?.map((one) => one.line)).toEqual(expected);
        });
      }),
      { numRuns: 500 },
    );
  });
});
