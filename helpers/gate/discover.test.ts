import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EnvironmentError } from '../errors.ts';
import { discoverNewest } from './discover.ts';

interface Reply {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body: string;
}

const release = (tag_name: string, more = {}) => ({ tag_name, draft: false, prerelease: false, ...more });

const istio = [
  release('1.28.9'), // the latest by date
  release('1.30.2'),
  release('1.31.0-rc.0', { prerelease: true }),
  release('1.31.0-alpha.1'), // not marked as what it is
  release('1.30.10'),
  release('1.32.0', { draft: true }),
  release('nonsense'),
];
const k3s = [
  release('v1.35.9+k3s1'),
  release('v1.36.2+k3s2'),
  release('v1.36.2+k3s1'),
  release('v1.37.0-rc1+k3s1'),
  release('v1.37.0+k3s1', { prerelease: true }),
];

/** GitHub's API as these tests need it. */
class Api implements AsyncDisposable {
  readonly requests: IncomingMessage[] = [];
  readonly connects: string[] = [];
  readonly #server;

  constructor(reply: (path: string) => Reply) {
    this.#server = createServer((message, response) => {
      this.requests.push(message);
      const { status = 200, headers = {}, body } = reply(message.url ?? '');
      response.writeHead(status, headers).end(body);
    });
    this.#server.on('connect', ({ url = '' }, socket) => {
      this.connects.push(url);
      socket.end('HTTP/1.1 503 Service Unavailable\r\n\r\n');
    });
  }

  async url(): Promise<string> {
    if (!this.#server.listening) {
      this.#server.listen(0, '127.0.0.1');
      await once(this.#server, 'listening');
    }
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

const source = 'https://github.com/istio/istio.io/blob/master/data/compatibility/supportStatus.yml';

/** Istio's table of supported releases, as GitHub has it. */
const table = (yaml: string): Reply => ({
  body: JSON.stringify({
    content: Buffer.from(yaml).toString('base64').replace(/.{60}/g, '$&\n'),
    html_url: source,
  }),
});

const good = (path: string, status: Reply = { status: 404, body: '{}' }): Reply =>
  path.startsWith('/repos/istio/istio.io/')
    ? status
    : { body: JSON.stringify(path.startsWith('/repos/istio/istio/releases?') ? istio : k3s) };

beforeEach(() => {
  for (const name of ['NO_PROXY', 'no_proxy']) vi.stubEnv(name, '*');
});
afterEach(() => {
  vi.unstubAllEnvs();
});

async function refusal(reply: Reply, token?: string): Promise<EnvironmentError> {
  await using api = new Api(() => reply);
  const error: unknown = await discoverNewest({ api: await api.url(), token }).catch(
    (reason: unknown) => reason,
  );
  if (error instanceof EnvironmentError) return error;
  throw new Error('it was not refused', { cause: error });
}

describe('the newest releases', () => {
  it('are the highest stable versions, whatever came last', async () => {
    await using api = new Api(good);
    expect(await discoverNewest({ api: await api.url() })).toEqual({
      istio: '1.30.10',
      kubernetes: '1.36.2',
      k3sTag: 'v1.36.2-k3s2',
    });
    expect(api.requests.map(({ url }) => url).sort()).toEqual([
      '/repos/istio/istio.io/contents/data/compatibility/supportStatus.yml',
      '/repos/istio/istio/releases?per_page=50',
      '/repos/k3s-io/k3s/releases?per_page=50',
    ]);
  });

  it.each([
    ['s3cret', 'Bearer s3cret'],
    ['', undefined],
    [undefined, undefined],
  ])('are asked for with the token %j', async (token, sent) => {
    await using api = new Api(good);
    await discoverNewest({ api: await api.url(), token });
    expect(api.requests.map(({ headers }) => headers.authorization)).toEqual([sent, sent, sent]);
  });

  it.each([
    ['~Nov 2026 (Expected)', { on: '2026-11', expected: true, source }],
    ['Jul 1, 2026', { on: '2026-07-01', source }],
    ['Sept 30, 2026', { on: '2026-09-30', source }],
    ['soon', undefined],
    ['', undefined],
  ])("have Istio's own range, and its end of support: %j", async (eolDate, ends) => {
    const yaml = `
- version: master
  eolDate:
  k8sVersions: ['1.99']
- version: '1.30'
  eolDate: '${eolDate}'
  k8sVersions: ['1.32', '1.36']
`;
    await using api = new Api((path) => good(path, table(yaml)));
    const { istioSupport } = await discoverNewest({ api: await api.url() });
    expect(istioSupport).toEqual({ kubernetes: ['1.32', '1.36'], ends });
  });

  it('are asked for through the proxy of the environment', async () => {
    await using proxy = new Api(good);
    for (const name of ['NO_PROXY', 'no_proxy']) vi.stubEnv(name, '');
    for (const name of ['HTTPS_PROXY', 'https_proxy']) vi.stubEnv(name, await proxy.url());
    await expect(discoverNewest({ api: 'https://api.github.invalid' })).rejects.toThrow('does not answer');
    expect(proxy.connects).toContain('api.github.invalid:443');
  });
});

describe('an answer that is none', () => {
  it('a rate limit by status 403 says until when, and how to raise it', async () => {
    const headers = { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '1790000000' };
    const { message, hint } = await refusal({ status: 403, headers, body: '{}' });
    expect(message).toMatch(/^GitHub limits requests \(status 403 of .*\), again at 2026-09-21T/);
    expect(hint).toContain('Set GITHUB_TOKEN');
  });

  it('a rate limit by status 429, with a token that stays secret', async () => {
    const limited = await refusal({ status: 429, headers: { 'retry-after': '60' }, body: '' }, 's3cret');
    expect(limited.message).toMatch(/status 429 .*, again in 60 s/);
    expect(limited.hint).toContain('Wait');
    expect(limited.message + limited.hint).not.toContain('s3cret');
  });

  it('a rate limit that does not say until when', async () => {
    expect((await refusal({ status: 429, body: '' })).message).toMatch(/per_page=50\)\.$/);
  });

  it.each([
    [401, 'The token in $GITHUB_TOKEN is not accepted'],
    [403, 'The token in $GITHUB_TOKEN is not accepted'],
    [502, 'GitHub has troubles'],
    [404, 'the address of its API is another'],
  ])('status %d', async (status, hint) => {
    const error = await refusal({ status, body: 'no' }, 'wrong');
    expect(error.message).toContain(`answered with status ${status}`);
    expect(error.hint).toContain(hint);
  });

  it.each([
    ['a page', '<html>login</html>', 'answered what is not JSON: <html>login</html>'],
    ['another object', '{"message":"hello"}', 'answered what is no list of releases'],
    ['releases without a tag', '[{"draft":false}]', 'answered what is no list of releases'],
    ['no stable one', JSON.stringify([release('v9.9.9-rc1')]), 'lists no stable release among 1'],
    ['nothing', '[]', 'lists no stable release among 0'],
  ])('%s', async (_what, body, message) => {
    expect((await refusal({ body })).message).toContain(message);
  });

  it('a table of supported releases that is none', async () => {
    await using api = new Api((path) => good(path, table('- version: 1.30')));
    await expect(discoverNewest({ api: await api.url() })).rejects.toThrow(
      /supportStatus\.yml answered what is no table of supported releases/,
    );
  });

  it('nobody there', async () => {
    const api = new Api(good);
    const url = await api.url();
    await api[Symbol.asyncDispose]();
    await expect(discoverNewest({ api: url })).rejects.toThrow(/does not answer: .*ECONNREFUSED/);
  });
});
