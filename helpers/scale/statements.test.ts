import { expect, it } from 'vitest';
import type { LineFollower } from '../kube/lines.ts';
import { attribute } from '../trip/correlate.ts';
import { begin, observationsOf, sampleTrips, via } from '../../tests/samples/scale.ts';
import { Tally } from './statements.ts';

const all = sampleTrips({ clients: 2, tunnels: 3, waves: 1 });
const log = (lines: string[]): LineFollower =>
  ({ since: (cursor: number) => lines.slice(cursor) }) as unknown as LineFollower;

it('reads each line of the clients once, as they come, and tells which of them are nobody’s', () => {
  const pods = [...new Set(all.map(({ pod }) => pod))];
  const texts = {
    sidecars: new Map(pods.map((pod) => [pod, [] as string[]])),
    proxy: [
      '1795362440.797     12 10.42.1.1 TCP_TUNNEL/200 2061 CONNECT en.wikipedia.org:443 - HIER_DIRECT/10.42.0.4 -',
    ],
    origin: ['nginx: ready'],
  };
  const tally = new Tally(
    {
      sidecars: new Map([...texts.sidecars].map(([pod, lines]) => [pod, log(lines)])),
      proxy: log(texts.proxy),
      origin: log(texts.origin),
    },
    { ips: ['10.42.1.1', '10.42.1.2'], tripIds: new Set(all.map(({ id }) => id)), via, since: begin },
  );
  tally.read();
  expect(tally.lines).toEqual({ sidecar: [], proxy: [], origin: [] });
  for (const { pod, lines } of all) {
    texts.sidecars.get(pod)?.push(lines.sidecar);
    texts.proxy.push(lines.proxy, lines.proxy.replace(/10\.42\.1\.\d/, '10.42.9.9'));
    texts.origin.push(lines.origin);
    tally.read();
  }
  const trips = attribute(observationsOf(all));
  expect(tally.lines.proxy).toEqual(all.map(({ lines }) => lines.proxy));
  expect([tally.lines.sidecar.length, tally.lines.origin.length]).toEqual([6, 6]);
  expect(tally.unclaimed(trips)).toEqual({ sidecar: [], proxy: [], origin: [] });
  const twice = all[0]?.lines.proxy ?? '';
  texts.proxy.push(twice);
  tally.read();
  expect(tally.unclaimed(trips)).toEqual({ sidecar: [], proxy: [twice], origin: [] });
});
