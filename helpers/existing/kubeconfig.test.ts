import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { messageOf } from '../errors.ts';
import { apiTrouble, connect } from '../kube/client.ts';
import { findingsOf } from '../trip/finding.ts';
import { askingApi, readKubeconfig, serverVersion } from './kubeconfig.ts';

const config = (server: string, context: object = { cluster: 'k', user: 'u' }, proxy: object = {}): string =>
  JSON.stringify({
    clusters: [{ name: 'k', cluster: { server, 'insecure-skip-tls-verify': true, ...proxy } }],
    users: [{ name: 'u', user: { token: 't' } }],
    contexts: [{ name: 'c', context }],
    'current-context': 'c',
  });

async function serving<T>(handler: RequestListener, work: (kubeconfig: string) => Promise<T>): Promise<T> {
  const server = createServer(handler).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  try {
    return await work(config(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const status =
  (code: number, message: string): RequestListener =>
  (_request, response) => {
    response.writeHead(code, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ kind: 'Status', message, code }));
  };

const page: RequestListener = (_request, response) => {
  response.writeHead(200, { 'content-type': 'text/html' });
  response.end('<html>');
};

describe('an API server that cannot be used', () => {
  it.each<[string, RequestListener, RegExp]>([
    ['does not know who asks', status(401, 'Unauthorized'), /401: Unauthorized\n.*log in again/],
    ['fails', status(503, 'no healthy upstream'), /503: .*no healthy upstream/],
    ['is a page', page, /what answers there is no API server/],
    ['closes', (request) => request.socket.destroy(), /cannot be used: .*(closed|ECONNRESET|hang up)/],
  ])('%s', async (_what, handler, said) => {
    const asked = serving(handler, (kubeconfig) => serverVersion(kubeconfig)).catch(
      (error: unknown) => `${messageOf(error)}\n${(error as { hint?: string }).hint ?? ''}`,
    );
    expect(await asked).toMatch(said);
    expect(await asked).not.toContain('headers');
  });

  it('is behind a proxy that lets nobody through', async () => {
    const proxy = createServer().on('connect', (_request, socket) => socket.end('HTTP/1.1 403 No\r\n\r\n'));
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const { port } = proxy.address() as AddressInfo;
    const through = { 'proxy-url': `http://me:secret@127.0.0.1:${port}` };
    const asked = serverVersion(config('https://k:6443', undefined, through));
    await expect(asked).rejects.toMatchObject({
      message: expect.stringMatching(
        /^The API server https:\/\/k:6443 cannot be used through the proxy http:\/\/…@127\.0\.0\.1:\d+: Proxy response \(403\)/,
      ) as string,
      hint: expect.stringContaining('The proxy refuses') as string,
    });
    proxy.close();
  });

  it('is named alike later, and is no defect of the mesh in a step', async () => {
    await serving(status(401, 'Unauthorized'), async (kubeconfig) => {
      await expect(askingApi(kubeconfig, (kube) => kube.core.listNode())).rejects.toThrow(
        /cannot be used: 401/,
      );
      const error: unknown = await connect(kubeconfig)
        .core.listNode()
        .catch((thrown: unknown) => thrown);
      expect(findingsOf(error)).toMatchObject([
        { cause: 'ENVIRONMENT', seen: 'the API server: 401: Unauthorized' },
      ]);
    });
    await serving(status(404, 'not found'), async (kubeconfig) => {
      const error: unknown = await connect(kubeconfig)
        .core.listNode()
        .catch((thrown: unknown) => thrown);
      expect(apiTrouble(error)).toBeUndefined();
    });
  });
});

describe('a kubeconfig', () => {
  it.each([
    ['that is another text', 'hello', /has no context: is it one\?/],
    ['without a URL', config('not a url'), /no URL as the server of cluster k: not a url/],
    [
      'without the cluster',
      config('https://k', { cluster: 'gone', user: 'u' }),
      /names cluster gone, which is not in it/,
    ],
    [
      'without the user',
      config('https://k', { cluster: 'k', user: 'gone' }),
      /names user gone, which is not in it/,
    ],
    [
      'with a proxy that is none',
      config('https://k', undefined, { 'proxy-url': 'me:word@proxy.corp:3128' }),
      /^The API server https:\/\/k is to be asked through a proxy, which is no URL of one: …@proxy\.corp:3128$/,
    ],
  ])('%s', async (_what, text, said) => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'conformance-test-kubeconfig-'));
    const kubeconfig = join(folder.path, 'config');
    await writeFile(kubeconfig, text);
    expect(() => readKubeconfig({ kubeconfig })).toThrow(said);
  });
});
