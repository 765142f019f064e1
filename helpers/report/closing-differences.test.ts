import { describe, expect, it } from 'vitest';
import { soundTrip, withSidecar } from '../../tests/samples/trip.ts';
import { differingStatements } from './closing.ts';
import { failedResult, stepResult } from '../../tests/samples/results.ts';

const trip = (id: string) => soundTrip({ id });
const of = (...steps: Parameters<typeof differingStatements>[0]): string =>
  differingStatements(steps).join('\n');

describe('differingStatements', () => {
  it('shows the first failed run above the first that passed, with what the witnesses said', () => {
    const bad = withSidecar({ upstreamCluster: 'PassthroughCluster' });
    const text = of(
      stepResult({ pass: 1, trips: [soundTrip()] }),
      failedResult('PASSTHROUGH', { pass: 2, trips: [bad] }),
      stepResult({ pass: 3, trips: [trip('of a later pass')] }),
      failedResult('PASSTHROUGH', { pass: 4, trips: [trip('of a later failure')] }),
    );
    expect(text).toMatchInlineSnapshot(`
      "MESH-2 in pass 2, failed:
        trip trip-1: https://en.wikipedia.org/wiki/Main_Page via 10.42.0.5:3128
                  client                   sidecar                  proxy                    origin
        who       default/sleep-7656cf879  PassthroughCluster       HIER_DIRECT/10.42.0.4    en.wikipedia.org
                  4-xk4zq
        from      10.42.0.7:43630          10.42.0.7:43630          10.42.0.7                10.42.0.5:50322
        to        10.42.0.5:3128           10.42.0.5:3128           en.wikipedia.org:443     en.wikipedia.org
        bytes     212                      2085                     2085                     212
        time      15:47:25.584 +100 ms     15:47:25.644 +8 ms       15:47:25.645 +7 ms       15:47:25.650
        verdict   exit 0, HTTP 200,        TCP, 0 -                 TCP_TUNNEL/200           HTTP 200
                  CONNECT 200
      MESH-2 in pass 1, passed:
        trip trip-1: https://en.wikipedia.org/wiki/Main_Page via 10.42.0.5:3128
                  client                   sidecar                  proxy                    origin
        who       default/sleep-7656cf879  outbound|3128||my-compa  HIER_DIRECT/10.42.0.4    en.wikipedia.org
                  4-xk4zq                  ny-proxy.com
        from      10.42.0.7:43630          10.42.0.7:43630          10.42.0.7                10.42.0.5:50322
        to        10.42.0.5:3128           10.42.0.5:3128           en.wikipedia.org:443     en.wikipedia.org
        bytes     212                      2085                     2085                     212
        time      15:47:25.584 +100 ms     15:47:25.644 +8 ms       15:47:25.645 +7 ms       15:47:25.650
        verdict   exit 0, HTTP 200,        TCP, 0 -                 TCP_TUNNEL/200           HTTP 200
                  CONNECT 200
      "
    `);
  });

  it('says nothing of steps that always passed, never did, or were only skipped', () => {
    expect(
      differingStatements([
        ...[1, 2].map((pass) => stepResult({ id: 'MESH-1', pass })),
        ...[1, 2].map((pass) => failedResult('PASSTHROUGH', { id: 'MESH-2', pass })),
        stepResult({ id: 'MESH-3', pass: 1 }),
        stepResult({ id: 'MESH-3', pass: 2, status: 'skipped', reason: 'because step MESH-2 failed' }),
      ]),
    ).toEqual([]);
  });

  it('compares the request that failed with the same one of the run that passed', () => {
    const text = of(
      failedResult('BLACKHOLE', { pass: 1, trips: [trip('a1'), trip('a2')] }),
      stepResult({ pass: 2, trips: [trip('b1'), trip('b2'), trip('b3')] }),
    );
    expect(text.match(/trip [ab]\d/g)).toEqual(['trip a2', 'trip b2']);
    const shorter = of(
      failedResult('BLACKHOLE', { pass: 1, trips: [trip('a1'), trip('a2'), trip('a3')] }),
      stepResult({ pass: 2, trips: [trip('b1'), trip('b2')] }),
    );
    expect(shorter.match(/trip [ab]\d/g)).toEqual(['trip a3', 'trip b2']);
  });

  it('shows the last request of the run that passed where the failed one came to none', () => {
    const text = of(
      failedResult('LISTENER_MISSING'),
      stepResult({ pass: 2, trips: [trip('b1'), trip('b2')] }),
    );
    expect(text).toContain('no request was made; seen: this');
    expect(text.match(/trip [ab]\d/g)).toEqual(['trip b2']);
  });

  it('tells steps without requests by what was seen and established', () => {
    const text = of(
      failedResult('LISTENER_MISSING', { pass: 1 }),
      stepResult({ pass: 2, facts: { listener: '10.42.0.6_3128', SOURCE_POD: 'sleep-1' } }),
    );
    expect(text).toContain('  no request was made; seen: this\n');
    expect(text).toContain('  no request was made; listener 10.42.0.6_3128, SOURCE_POD sleep-1\n');
    const bare = of(failedResult('LISTENER_MISSING', { findings: [] }), stepResult({ pass: 2 }));
    expect(bare).toContain('  no request was made; seen: LISTENER_MISSING: title\n');
    expect(bare).toMatch(/no request was made\n$/);
  });

  it('shows three steps, and names the others', () => {
    const lines = differingStatements(
      ['A', 'B', 'C', 'D', 'E'].flatMap((id) => [
        stepResult({ id, pass: 1 }),
        failedResult('PASSTHROUGH', { id, pass: 2, trips: [trip(`of ${id}`)] }),
      ]),
    );
    expect(lines.filter((line) => line.endsWith(', failed:'))).toHaveLength(3);
    expect(lines.slice(-2)).toEqual(['Also differing, see results.json: D, E', '']);
  });

  it('shows a request once that several steps judge', () => {
    const lines = differingStatements(
      ['MESH-3', 'MESH-4', 'CONTROL-2'].flatMap((id) => [
        stepResult({ id, pass: 1, trips: [trip(id === 'CONTROL-2' ? 'b2' : 'b1')] }),
        failedResult('PASSTHROUGH', { id, pass: 2, trips: [trip(id === 'CONTROL-2' ? 'a2' : 'a1')] }),
      ]),
    );
    expect(lines.filter((line) => / in pass \d/.test(line))).toEqual([
      'MESH-3, MESH-4 in pass 2, failed:',
      'MESH-3, MESH-4 in pass 1, passed:',
      'CONTROL-2 in pass 2, failed:',
      'CONTROL-2 in pass 1, passed:',
    ]);
    expect(lines.join('\n').match(/trip [ab]\d/g)).toEqual(['trip a1', 'trip b1', 'trip a2', 'trip b2']);
  });

  it('names no others where there are just three', () => {
    const lines = differingStatements(
      ['A', 'B', 'C'].flatMap((id) => [
        stepResult({ id, pass: 1 }),
        failedResult('PASSTHROUGH', { id, pass: 2 }),
      ]),
    );
    expect(lines.join('\n')).not.toContain('Also');
  });
});
