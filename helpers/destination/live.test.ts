import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { reachFromHere } from './live.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

/** A proxy that answers for every name by itself, whether it is asked for a tunnel or for a page. */
async function anyProxy(): Promise<{ readonly url: string } & AsyncDisposable> {
  const server = createServer((_request, response) => response.writeHead(204).end());
  server.on('connect', (_request, client) => {
    const upstream = connect((server.address() as AddressInfo).port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      client.pipe(upstream).pipe(client);
    });
    for (const socket of [client, upstream]) socket.on('error', () => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://me:secret@127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const page = 'http://page.invalid/';

test('what answers only through the proxy is reported with the proxy, without its password', async () => {
  await using proxy = await anyProxy();
  for (const name of ['http_proxy', 'https_proxy']) vi.stubEnv(name, proxy.url);
  for (const name of ['no_proxy', 'NO_PROXY']) vi.stubEnv(name, '');
  const reach = await reachFromHere(page, proxy.url);
  expect(reach.way).toBe('through the proxy');
  expect(reach.because).toMatch(/^page\.invalid answered 204 through this machine's proxy http:\/\/…@127/);
  expect(reach.because).not.toContain('secret');
});

test('what answers neither way says both reasons', async () => {
  vi.stubEnv('https_proxy', 'http://127.0.0.1:1');
  vi.stubEnv('http_proxy', 'http://127.0.0.1:1');
  const reach = await reachFromHere(page, 'http://127.0.0.1:1');
  expect(reach.way).toBeUndefined();
  expect(reach.because).toMatch(
    /page\.invalid does not answer from here within .*; through http:\/\/127.0.0.1:1: /,
  );
});

test('without a proxy it is asked directly alone', async () => {
  const server = createServer((_request, response) => response.writeHead(200).end()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const { port } = server.address() as AddressInfo;
    const reach = await reachFromHere(`http://127.0.0.1:${port}/`, undefined);
    expect(reach).toEqual({ way: 'directly', because: `127.0.0.1:${port} answered 200 from here` });
  } finally {
    server.close();
  }
});
