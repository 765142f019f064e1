import { describe, expect, it } from 'vitest';
import { attribute } from '../trip/correlate.ts';
import { origin, proxy, sidecar } from '../trip/expectations.ts';
import type { LogWitness, Trip } from '../trip/statements.ts';
import { cluster, observationsOf, sampleTrips, title, via } from '../../tests/samples/scale.ts';
import { unsoundOf, type Unsound } from './trip-findings.ts';

const load = { clients: 5, tunnels: 4, waves: 3 };
const all = sampleTrips(load);
const expectations = [
  sidecar({ cluster, upstream: via }),
  proxy({ result: 'TCP_TUNNEL/200' }),
  origin({ status: 200 }),
];
const lost = 'conformance-clients-3-w2-t4';
const judge = (trips: readonly Trip[]): Unsound => unsoundOf(trips, expectations, title);
const withChanged = (changes: Partial<Trip['client']>): Trip[] =>
  attribute(
    observationsOf(
      all.map((one) => (one.id === lost ? { ...one, client: { ...one.client, ...changes } } : one)),
    ),
  );

describe('many trips', () => {
  it('are sound when each has its own line of every witness', () => {
    const trips = attribute(observationsOf(all));
    expect(trips.map(({ id }) => id)).toEqual(all.map(({ id }) => id));
    expect(
      trips.map((trip) => [trip.sidecar, trip.proxy, trip.origin].map((said) => said?.[0]?.line)),
    ).toEqual(all.map(({ lines }) => [lines.sidecar, lines.proxy, lines.origin]));
    expect(judge(trips)).toEqual({ findings: [], examples: [], count: 0 });
  });

  it.each([
    ['sidecar', 'NO_SIDECAR_STATEMENT'],
    ['proxy', 'NO_PROXY_STATEMENT'],
    ['origin', 'NO_ORIGIN_STATEMENT'],
  ] as const)('name the one that lost its line of the %s', (witness, cause) => {
    const trips = attribute(observationsOf(all, ({ id }, of) => id !== lost || of !== witness));
    const { findings, examples, count } = judge(trips);
    expect(count).toBe(1);
    expect(findings.map((finding) => finding.cause)).toEqual([cause]);
    expect(findings[0]?.seen).toMatch(`1 of 60 trips (${lost}); the first: `);
    expect(examples.map(({ id }) => id)).toEqual([lost]);
    const losers = (of: LogWitness): string[] =>
      trips.filter((trip) => trip[of]?.length !== 1).map(({ id }) => id);
    expect(losers(witness)).toEqual([lost]);
  });

  it('tell a cause of many once, with their number, the first five and what the first one saw', () => {
    const trips = attribute(observationsOf(all, ({ id }, of) => of !== 'proxy' || !id.includes('-w1-')));
    const { findings, count } = judge(trips);
    expect(count).toBe(20);
    expect(findings).toHaveLength(1);
    expect(findings[0]?.seen).toMatch(
      /^20 of 60 trips \(conformance-clients-0-w1-t1, .*-0-w1-t4, conformance-clients-1-w1-t1, 15 more\); the first: /,
    );
  });

  it('look into no more than a hundred', () => {
    const many = sampleTrips({ clients: 30, tunnels: 5, waves: 1 });
    const trips = attribute(observationsOf(many, (_trip, of) => of !== 'origin'));
    const { findings, count } = judge(trips);
    expect(count).toBe(150);
    expect(findings[0]?.seen).toMatch(/^100 of the first 100 of 150 unsound trips \(/);
  });

  it.each([
    [{ title: 'Another page' }, 'TITLE_DIFFERS'],
    [{ title: undefined }, 'TITLE_MISSING'],
    [{ exitCode: -1, errorMessage: 'the connection closed', local: undefined }, 'CLIENT_SILENT'],
    [{ httpStatus: 503 }, 'HTTP_STATUS'],
  ] as const)('are unsound with a client that says %j', (changes, cause) => {
    const { findings, count } = judge(withChanged(changes));
    expect(count).toBe(1);
    expect(findings[0]?.cause).toBe(cause);
    expect(findings[0]?.seen).toContain(lost);
  });

  it('are named where they went by another cluster', () => {
    const astray = all.map((one) =>
      one.id === lost
        ? {
            ...one,
            lines: { ...one.lines, sidecar: one.lines.sidecar.replace(cluster, 'PassthroughCluster') },
          }
        : one,
    );
    expect(judge(attribute(observationsOf(astray))).findings.map(({ cause }) => cause)).toEqual([
      'PASSTHROUGH',
    ]);
  });
});
