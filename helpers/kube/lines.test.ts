import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeServerCertificate } from '../destination/certificates.ts';
import { eventually } from '../eventually/eventually.ts';
import type { Kube } from './client.ts';
import { LineFollower, lineSplitter } from './lines.ts';

/** An API server whose answers to a request for a log are these, then that there is no such pod. */
async function apiServer(...answers: string[]): Promise<AsyncDisposable & { kube: Kube; asked: string[] }> {
  const { certificate, key } = await makeServerCertificate('localhost');
  const asked: string[] = [];
  const server = createServer({ cert: certificate, key }, (request, response) => {
    asked.push(new URL(request.url ?? '', 'https://localhost').searchParams.get('sinceTime') ?? '');
    const answer = answers.shift();
    response.statusCode = answer === undefined ? 404 : 200;
    response.end(answer);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const config = {
    getCurrentCluster: () => ({ server: `https://127.0.0.1:${port}` }),
    applyToHTTPSOptions: (options: { rejectUnauthorized?: boolean }) => {
      options.rejectUnauthorized = false;
      return Promise.resolve();
    },
  };
  return {
    kube: { config } as unknown as Kube,
    asked,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const target = { namespace: 'ns', pod: 'pod', container: 'c' };
const stamp = '2026-11-24T05:00:00.123456789Z';
const later = '2026-11-24T05:00:01.000000000Z';

function mustFinish(log: LineFollower): Promise<void> {
  return eventually(
    'the log to be finished',
    () => {
      if (!log.finished()) throw new Error('it goes on');
    },
    { timeoutMs: 5000, intervalMs: 20 },
  );
}

describe('LineFollower.ofContainer', () => {
  it('gives each line once with its time, over streams that end, until the pod is gone', async () => {
    await using api = await apiServer(`${stamp} one\n`, `${stamp} one\n${later} two\n`);
    await using log = LineFollower.ofContainer(api.kube, target, { untilGone: true });
    await mustFinish(log);
    expect(log.stamped()).toEqual([
      { at: Date.parse('2026-11-24T05:00:00.123Z'), text: 'one' },
      { at: Date.parse(later), text: 'two' },
    ]);
    expect(log.stamped(1)).toMatchObject([{ text: 'two' }]);
    expect(log.problem()).toBeUndefined();
    // Nobody is asked again for what is gone.
    expect(api.asked).toEqual(['', stamp, later]);
  });

  it('keeps a line whose time is before that of the line above it, as two streams of a container write them', async () => {
    const earlier = '2026-11-24T05:00:00.123000000Z';
    const first = `${later} debug\n${earlier} access\n`;
    await using api = await apiServer(first, `${first}${later} end\n`);
    await using log = LineFollower.ofContainer(api.kube, target, { untilGone: true });
    await mustFinish(log);
    expect(log.since(0)).toEqual(['debug', 'access', 'end']);
  });

  it('goes on asking for a pod that may come back, and says what is missing', async () => {
    await using api = await apiServer();
    await using log = LineFollower.ofContainer(api.kube, target);
    await eventually(
      'it to be asked again',
      () => {
        if (api.asked.length < 2) throw new Error('not yet');
      },
      { timeoutMs: 5000, intervalMs: 20 },
    );
    expect(log.finished()).toBe(false);
    expect(log.problem()).toContain('404');
  });
});

describe('lineSplitter', () => {
  it('gives the same lines however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme' }).filter((line) => !/[\r\n]/.test(line))),
        fc.infiniteStream(fc.integer({ min: 1, max: 7 })),
        (lines, sizes) => {
          const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
          const seen: string[] = [];
          const take = lineSplitter((line) => seen.push(line));
          for (let at = 0; at < bytes.length;) {
            const size = sizes.next().value as number;
            take(bytes.subarray(at, at + size));
            at += size;
          }
          expect(seen).toEqual(lines);
        },
      ),
    );
  });

  it('keeps back a line without its end', () => {
    const seen: string[] = [];
    lineSplitter((line) => seen.push(line))(Buffer.from('whole\nhalf'));
    expect(seen).toEqual(['whole']);
  });
});
