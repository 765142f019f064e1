import { describe, expect, it } from 'vitest';
import {
  agrees,
  contradictions,
  endsWithin,
  factsOf,
  givenProxySkewMs,
  outside,
  trafficSlack,
  tripSlack,
  tripTolerances,
  type Facts,
  type JudgedFact,
} from './judgement.ts';
import { soundTrip } from '../../tests/samples/trip.ts';

const elsewhere = { ip: '198.51.100.1', port: 1 };
const sound = factsOf(soundTrip());

/** The same facts with one figure of one witness changed. */
function but<W extends 'client' | 'sidecar' | 'proxy' | 'origin'>(
  witness: W,
  changes: Partial<NonNullable<Facts[W]>>,
): Facts {
  return { ...sound, [witness]: { ...sound[witness], ...changes } };
}

const contradicted: Readonly<Record<JudgedFact, Facts>> = {
  'client.to': but('client', { remote: elsewhere }),
  'sidecar.from': but('sidecar', { downstreamRemote: elsewhere }),
  'sidecar.at': but('sidecar', { downstreamLocal: elsewhere }),
  'sidecar.to': but('sidecar', { upstreamHost: elsewhere }),
  'proxy.from': but('proxy', { clientIp: elsewhere.ip }),
  'proxy.to': but('proxy', { target: 'example.com:443' }),
  'proxy.verdict': but('proxy', { status: 503 }),
  'proxy.bytes': but('proxy', { bytes: 1 }),
  'proxy.page': but('proxy', { bytes: 1 }),
  'origin.from': but('origin', { remote: elsewhere }),
  'origin.bytes': but('origin', { bytes: 1 }),
};

describe('what statements must agree on', () => {
  const facts = Object.keys(contradicted) as JudgedFact[];

  it.each(facts)('%s: agrees, contradicts, or is not said', (fact) => {
    expect(agrees(fact, sound)).toBe(true);
    expect(agrees(fact, contradicted[fact])).toBe(false);
    expect(agrees(fact, { via: undefined })).toBeUndefined();
  });

  it('marks what the diagnosis finds: bytes of a request that broke off contradict nothing', () => {
    const trip = soundTrip();
    const [line] = trip.proxy ?? [];
    if (line === undefined) throw new TypeError('a sound trip has a line of the proxy');
    const other = { ...trip, proxy: [{ ...line, bytes: 1000 }] };
    expect([...contradictions(other)]).toEqual(['proxy.bytes']);
    expect([...contradictions({ ...other, client: { ...trip.client, exitCode: 28 } })]).toEqual([]);
  });

  it('takes any address at a given proxy, whose line stands behind address translation', () => {
    expect(agrees('proxy.from', { ...contradicted['proxy.from'], given: [] })).toBeUndefined();
    expect(agrees('sidecar.to', { ...contradicted['sidecar.to'], given: [elsewhere] })).toBe(true);
  });
});

describe('how far apart times may be', () => {
  const caller = { from: 10_000, to: 20_000 };
  const slack = { earlyMs: 10, lateMs: 20, endMs: 30, endEarlyMs: 40 };

  it.each([
    [9_990, 20_030, undefined],
    [9_989, 20_000, { side: 'stale', what: 'began', ms: 11 }],
    [20_021, 20_021, { side: 'late', what: 'began', ms: 21 }],
    [10_000, 20_031, { side: 'late', what: 'ended', ms: 31 }],
    [10_000, 19_959, { side: 'stale', what: 'ended', ms: 41 }],
  ])('from %d to %d', (from, to, expected) => {
    expect(outside({ from, to }, caller, slack)).toEqual(expected);
    const { from: first, to: last } = endsWithin(caller, slack);
    if (expected === undefined) expect(to >= first && to <= last).toBe(true);
  });

  it('is wider for a given proxy, which has a clock of its own, and for its lines alone', () => {
    const own = { tolerances: tripTolerances };
    const given = { ...own, given: [] };
    for (const hop of ['client ↔ proxy', 'sidecar ↔ proxy'] as const) {
      expect(tripSlack[hop](given).earlyMs).toBe(tripSlack[hop](own).earlyMs + givenProxySkewMs);
    }
    expect(tripSlack['client ↔ sidecar'](given)).toEqual(tripSlack['client ↔ sidecar'](own));
  });

  it('is wider for live traffic than for a trip, hop by hop', () => {
    const trip = { tolerances: tripTolerances };
    for (const hop of ['client ↔ sidecar', 'sidecar ↔ proxy', 'client ↔ proxy'] as const) {
      expect(trafficSlack[hop].earlyMs).toBeGreaterThan(tripSlack[hop](trip).earlyMs);
      expect(trafficSlack[hop].endMs).toBeGreaterThan(tripSlack[hop](trip).endMs);
    }
  });
});
