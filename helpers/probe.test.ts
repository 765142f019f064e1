import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, vi } from 'vitest';
import { probe } from './probe.ts';

it('takes any answer for one, and says why there is none, in the order asked', async () => {
  vi.stubEnv('NO_PROXY', '*');
  const server = createServer((_request, response) => response.writeHead(401).end()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const closed = createServer().listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const { port: silent } = closed.address() as AddressInfo;
  closed.close();
  try {
    const [refused, answered] = await probe([
      { url: `http://127.0.0.1:${silent}/` },
      { url: `http://127.0.0.1:${port}/v2/` },
    ]);
    expect(answered).toMatchObject({ status: 401, problem: '' });
    expect(answered?.clockAhead).toBeGreaterThan(-5_000);
    expect(refused?.status).toBeUndefined();
    expect(refused?.problem).toMatch(/ECONNREFUSED/);
  } finally {
    server.close();
    vi.unstubAllEnvs();
  }
});

it('says so when a proxy variable is no URL', async () => {
  vi.stubEnv('https_proxy', 'proxy.example:3128');
  try {
    const [answer] = await probe([{ url: 'https://registry.example/' }]);
    expect(answer?.problem).toMatch(/^the proxy variables cannot be used: Invalid URL/);
  } finally {
    vi.unstubAllEnvs();
  }
});
