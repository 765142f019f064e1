import { expect, it } from 'vitest';
import { listObjects } from './source.ts';

const { signal } = new AbortController();

it('gives each object the kind that a list leaves out', async () => {
  const list = { apiVersion: 'v1', kind: 'ServiceList', items: [{ metadata: { name: 'a' } }] };
  const api = { get: () => Promise.resolve(JSON.stringify(list)) };
  expect(await listObjects(api, '/api/v1/services', signal)).toEqual([
    { apiVersion: 'v1', kind: 'Service', metadata: { name: 'a' } },
  ]);
});

it('never asks for Secrets', async () => {
  const api = { get: () => Promise.reject(new Error('asked')) };
  for (const path of ['/api/v1/secrets', '/api/v1/namespaces/a/secrets', '/api/v1/secrets?limit=1']) {
    await expect(listObjects(api, path, signal)).rejects.toThrow('Secrets are not collected');
  }
});
