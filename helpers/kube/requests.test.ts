import { createServer, get, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';
import { fetch } from 'undici';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { connect } from './client.ts';
import { RequestCount } from './requests.ts';

let server: Server;
let other: Server;

beforeEach(async () => {
  [server, other] = await Promise.all([listening(), listening()]);
});
afterEach(() => {
  for (const one of [server, other]) one.close();
});

async function listening(): Promise<Server> {
  const one = createServer((_request, response) => {
    response.setHeader('Content-Type', 'application/json').end('{}');
  });
  await new Promise<void>((resolve) => one.listen(0, '127.0.0.1', resolve));
  return one;
}

const urlOf = (one: Server): string => `http://127.0.0.1:${(one.address() as AddressInfo).port}`;

async function plainGet(url: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    get(url, (response) => response.resume().once('end', resolve)).once('error', reject);
  });
}

it('counts what is asked of the API server, by either client, and nothing else', async () => {
  const config = new KubeConfig();
  config.loadFromClusterAndUser({ name: 'a', server: urlOf(server), skipTLSVerify: false }, { name: 'b' });
  const count = new RequestCount({ config });
  await fetch(`${urlOf(server)}/api/v1/pods?watch=false`);
  await fetch(`${urlOf(server)}/api/v1/namespaces/a/configmaps`, { method: 'POST', body: '{}' });
  await plainGet(`${urlOf(server)}/api/v1/namespaces/a/pods/b/log?follow=true`);
  await plainGet(`${urlOf(server)}/api/v1/namespaces/a/pods/b/exec?command=log`);
  await plainGet(`${urlOf(other)}/api/v1/namespaces/a/pods/b/log`);
  await fetch(urlOf(other));
  expect(count.counts).toEqual({ exec: 1, log: 1, read: 1, write: 1 });
  expect(count.total).toBe(4);
  count[Symbol.dispose]();
  await fetch(urlOf(server));
  expect(count.total).toBe(4);
});

it('keeps its connections from one request to the next', async () => {
  let connections = 0;
  server.on('connection', () => (connections += 1));
  const cluster = { server: urlOf(server), 'insecure-skip-tls-verify': true };
  const { version } = connect(
    JSON.stringify({
      clusters: [{ name: 'a', cluster }],
      users: [{ name: 'b', user: { token: 'c' } }],
      contexts: [{ name: 'd', context: { cluster: 'a', user: 'b' } }],
      'current-context': 'd',
    }),
  );
  for (let request = 0; request < 6; request += 1) await version.getCode();
  // A second one where the first is not free again yet.
  expect(connections).toBeLessThanOrEqual(2);
});
