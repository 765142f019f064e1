import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { correlate } from './correlate.ts';
import { renderTrip } from './finding.ts';
import { client, lines, observation, originLine, soundTrip } from '../../tests/samples/trip.ts';

const logs = (changes: object) => correlate(observation({ lines: { ...observation().lines, ...changes } }));

describe('renderTrip', () => {
  it('puts the statements side by side', () => {
    expect(renderTrip(soundTrip())).toMatchInlineSnapshot(`
      "trip trip-1: https://en.wikipedia.org/wiki/Main_Page via 10.42.0.5:3128
                client                   sidecar                  proxy                    origin
      who       default/sleep-7656cf879  outbound|3128||my-compa  HIER_DIRECT/10.42.0.4    en.wikipedia.org
                4-xk4zq                  ny-proxy.com
      from      10.42.0.7:43630          10.42.0.7:43630          10.42.0.7                10.42.0.5:50322
      to        10.42.0.5:3128           10.42.0.5:3128           en.wikipedia.org:443     en.wikipedia.org
      bytes     212                      2085                     2085                     212
      time      15:47:25.584 +100 ms     15:47:25.644 +8 ms       15:47:25.645 +7 ms       15:47:25.650
      verdict   exit 0, HTTP 200,        TCP, 0 -                 TCP_TUNNEL/200           HTTP 200
                CONNECT 200"
    `);
  });

  it('shows what is missing, and what was not followed', () => {
    const text = renderTrip(logs({ sidecar: undefined, proxy: [] }));
    expect(text).toMatch(/^who .*— not followed — +— nothing —/m);
    expect(text).not.toContain('≠');
  });

  it('marks contradictions', () => {
    const trip = soundTrip({
      client: client({ remote: { ip: '198.51.100.1', port: 443 }, local: { ip: '10.42.0.7', port: 1 } }),
    });
    const text = renderTrip({
      ...trip,
      proxy: trip.proxy?.map((line) => ({ ...line, bytes: 1, clientIp: '10.42.0.8' })),
    });
    for (const cell of ['≠ 198.51.100.1:443', '≠ 10.42.0.7:43630', '≠ 10.42.0.8', '≠ 1 '])
      expect(text).toContain(cell);
    expect(text).toContain('≠ contradicts the hop before it');
    const upstream = soundTrip();
    expect(
      renderTrip({
        ...upstream,
        sidecar: upstream.sidecar?.map((line) => ({ ...line, upstreamHost: { ip: '10.42.0.9', port: 1 } })),
      }),
    ).toContain('≠ 10.42.0.9:1');
    expect(
      renderTrip(logs({ origin: [originLine({ remote_addr: '10.42.0.9', body_bytes_sent: '7' })] })),
    ).toMatch(/≠ 10\.42\.0\.9:50322[^]*≠ 7$/m);
  });

  it('counts further lines, and those of no trip', () => {
    const text = renderTrip(
      logs({
        origin: [originLine(), originLine({ remote_port: '2' })],
        proxy: [lines.proxy, lines.baselineProxy],
        sidecar: [lines.sidecar, lines.agent],
      }),
    );
    expect(text).toContain('HTTP 200 (+1 more)');
    expect(text).toContain('lines of no trip: 1 sidecar unparsable, 1 proxy another-client');
  });

  it('keeps to 110 columns, whatever the values', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 200 }).map((one) => one.replaceAll(/\s/g, ' '));
    fc.assert(
      fc.property(text, text, fc.ipV6(), (pod, url, ip) => {
        const trip = { ...soundTrip({ client: client({ pod, local: { ip, port: 65535 } }) }), url };
        for (const line of renderTrip(trip).split('\n')) expect([...line].length).toBeLessThanOrEqual(110);
      }),
    );
  });
});
