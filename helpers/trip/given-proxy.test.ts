import { describe, expect, it } from 'vitest';
import { attribute, correlate, type Observation } from './correlate.ts';
import { diagnose } from './diagnose.ts';
import { noSidecar, proxy, sidecar } from './expectations.ts';
import { givenProxySkewMs } from './judgement.ts';
import { foreignLine } from './squid.ts';
import { formatProxyLine } from '../../tests/samples/log-lines.ts';
import { client, cluster, lines, startedAt, tripId, url, via } from '../../tests/samples/trip.ts';

/** A line that a given proxy wrote of the sidecar's line: of an address that is not the pod's. */
function line(changes: Partial<Parameters<typeof formatProxyLine>[0]> = {}): string {
  return formatProxyLine({
    endedAt: startedAt + 8,
    elapsedMs: 7,
    clientIp: '192.0.2.9',
    result: 'TCP_TUNNEL',
    status: 200,
    bytes: 2085,
    method: 'CONNECT',
    target: 'en.wikipedia.org:443',
    hierarchy: 'HIER_DIRECT',
    peer: '198.51.100.7',
    ...changes,
  });
}

function observed(
  proxyLines: readonly string[] | undefined,
  { inMesh = true, ...changes }: Partial<Observation> & { readonly inMesh?: boolean } = {},
): Observation {
  return {
    id: tripId,
    url,
    via,
    given: [],
    client: client(),
    lines: { sidecar: inMesh ? [lines.sidecar] : undefined, proxy: proxyLines, origin: undefined },
    ...changes,
  };
}

const meshWay = [sidecar({ cluster }), proxy({ result: 'TCP_TUNNEL/200' })] as const;
const causesOf = (
  observation: Observation,
  way: readonly Parameters<typeof diagnose>[1][number][],
): string[] => diagnose(correlate(observation), way).map(({ cause }) => cause);

describe('a trip by way of a proxy beyond the node’s address', () => {
  it('is sound by target, time and the sidecar’s bytes', () => {
    expect(causesOf(observed([line()]), meshWay)).toEqual([]);
  });

  it('is not sound with the suite’s own proxy, whose address can be compared', () => {
    const { given: _given, ...own } = observed([line()]);
    expect(causesOf(own, meshWay)).toContain('NO_PROXY_STATEMENT');
  });

  it('takes no line of another page: other bytes, another target, another time', () => {
    expect(causesOf(observed([line({ bytes: 3000 })]), meshWay)).toEqual(['BYTES_DISAGREE']);
    expect(causesOf(observed([line({ target: 'de.wikipedia.org:443' })]), meshWay)).toEqual([
      'NO_PROXY_STATEMENT',
    ]);
    const early = line({ endedAt: startedAt - givenProxySkewMs - 300 });
    expect(causesOf(observed([early]), meshWay)).toEqual(['STALE_ONLY']);
  });

  it('allows for its clock, which is its own', () => {
    expect(causesOf(observed([line({ endedAt: startedAt - 1500 })]), meshWay)).toEqual([]);
  });

  it('is ambiguous as soon as a second line would do: other people ask for the same', () => {
    const other = line({ endedAt: startedAt + 900, clientIp: '192.0.2.77' });
    expect(causesOf(observed([line(), other]), meshWay)).toEqual(['AMBIGUOUS']);
    const baseline = [noSidecar(), proxy({ result: 'TCP_TUNNEL/200' })];
    expect(causesOf(observed([line(), other], { inMesh: false }), baseline)).toEqual(['AMBIGUOUS']);
    // With the sidecar's bytes, one of another size is not meant.
    const larger = line({ endedAt: startedAt + 900, bytes: 5000 });
    expect(causesOf(observed([line(), larger]), meshWay)).toEqual([]);
  });

  it('takes no tunnel that stood longer than its client’s connection', () => {
    const long = line({ endedAt: startedAt + 2000, elapsedMs: 2000 });
    const [trip] = attribute([observed([line(), long], { inMesh: false })]);
    expect(trip?.proxy?.map(({ elapsedMs }) => elapsedMs)).toEqual([7]);
    expect(trip?.ambiguities).toEqual([]);
  });

  it('says when its log has another format', () => {
    expect(causesOf(observed([foreignLine]), meshWay)).toEqual(['YOUR_PROXY_LOG_FORMAT']);
  });

  it('may go to any endpoint of a name, and to no other', () => {
    const other = { ip: '203.0.113.9', port: 3128 };
    const told = { via: other, given: [other, via] };
    expect(causesOf(observed([line()], told), meshWay)).toEqual([]);
    const elsewhere = { via: other, given: [other] };
    expect(causesOf(observed([line()], elsewhere), meshWay)).toContain('WENT_ROUND_PROXY');
    expect(causesOf(observed([line()], elsewhere), meshWay)).toContain('WRONG_UPSTREAM');
  });
});
