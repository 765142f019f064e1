import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tripTolerances } from './judgement.ts';
import { fitOrigin, fitProxy, fitSidecar, strengths, type Fit, type Subject } from './fit.ts';
import { originIndex, proxyIndex, sidecarIndex, type LineIndex, type ReadLine } from './lines.ts';
import { client, soundTrip, startedAt, url, via } from '../../tests/samples/trip.ts';
import type { OriginStatement, ProxyStatement, SidecarStatement } from './statements.ts';

const [sidecar] = soundTrip().sidecar ?? [];
const [proxy] = soundTrip().proxy ?? [];
const [origin] = soundTrip().origin ?? [];
if (sidecar === undefined || proxy === undefined || origin === undefined) throw new Error('no sound trip');

// Few values of each, so that many lines fit, and many all but fit.
const ip = fc.constantFrom('10.42.0.7', '10.42.0.8', '::ffff:10.42.0.7', 'fd00::7', 'fd00:0::7');
const endpoint = fc.option(fc.record({ ip, port: fc.constantFrom(43630, 43631) }), { nil: undefined });
const time = fc.oneof(
  fc.integer({ min: -100, max: 100 }),
  fc.constantFrom(-1760, -310, -260, -11, -10, 10, 11, 1550, 1790, 1810, 3000),
);
const bytes = fc.constantFrom(2046, 2085, 2124, 100);

const subject = fc
  .record({ id: fc.constantFrom('trip-1', 'trip-2'), local: endpoint, podIp: ip })
  .map(({ id, local, podIp }): Subject => ({
    id,
    url,
    via,
    client: client({ local, podIp }),
    tolerances: tripTolerances,
  }));
const sidecarLine = fc
  .record({ downstreamRemote: endpoint, at: time, durationMs: fc.nat(40), bytesSent: bytes })
  .map(({ at, ...rest }): SidecarStatement => ({ ...sidecar, ...rest, startedAt: startedAt + at }));
const proxyLine = fc
  .record({ clientIp: ip, at: time, elapsedMs: fc.nat(40), bytes })
  .map(({ at, ...rest }): ProxyStatement => ({ ...proxy, ...rest, endedAt: startedAt + at }));
const originLine = fc
  .record({ tripId: fc.constantFrom('trip-1', 'trip-2', undefined) })
  .map((changes): OriginStatement => ({ ...origin, ...changes }));

/** Whatever fits with a strength is among what the index gives for it. */
function mustGiveWhatFits<S>(
  lines: readonly S[],
  one: Subject,
  indexOf: (lines: readonly ReadLine<S>[]) => LineIndex<S>,
  fit: (line: S) => Fit,
): void {
  const read = lines.map((parsed, index) => ({ text: String(index), parsed }));
  const index = indexOf(read);
  for (const strength of strengths) {
    const given = new Set(index(one, strength));
    const fitting = read.filter(({ parsed }) => fit(parsed).fits === strength);
    expect(fitting.filter((line) => !given.has(line))).toEqual([]);
  }
}

describe('an index over lines leaves out nothing that fits', () => {
  it('of sidecars', () => {
    fc.assert(
      fc.property(fc.array(sidecarLine), subject, (lines, one) => {
        mustGiveWhatFits(lines, one, sidecarIndex, (line) => fitSidecar(one, line));
      }),
      { numRuns: 500 },
    );
  });

  it('of the proxy, with and without the line of the sidecar', () => {
    const own = fc.option(sidecarLine, { nil: undefined });
    fc.assert(
      fc.property(fc.array(proxyLine), subject, own, (lines, one, known) => {
        const indexOf = (read: readonly ReadLine<ProxyStatement>[]): LineIndex<ProxyStatement> =>
          proxyIndex(read, () => known);
        mustGiveWhatFits(lines, one, indexOf, (line) => fitProxy(one, known, line));
      }),
      { numRuns: 2000 },
    );
  });

  it('of the origin', () => {
    fc.assert(
      fc.property(fc.array(originLine), subject, (lines, one) => {
        mustGiveWhatFits(lines, one, originIndex, (line) => fitOrigin(one, line));
      }),
    );
  });

  it('gives few of many lines: those with the bytes, at the time', () => {
    const lines = Array.from({ length: 1000 }, (_none, index) => ({
      text: String(index),
      parsed: { ...proxy, endedAt: proxy.endedAt + index * 2_000, bytes: proxy.bytes + (index % 7) },
    }));
    const one = { ...soundTrip(), id: 'trip-1' };
    expect(proxyIndex(lines, () => sidecar)(one, 'strong').map(({ text }) => text)).toEqual(['0']);
    expect(proxyIndex(lines, () => sidecar)(one, 'weak').map(({ text }) => text)).toEqual(['0']);
    expect(proxyIndex(lines, () => undefined)(one, 'fair').map(({ text }) => text)).toEqual(['0']);
  });
});
