import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { credentialsFor } from './credentials.ts';

let folder: string;
const auth = Buffer.from('user:pass:word').toString('base64');

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'docker-config-'));
  vi.stubEnv('DOCKER_CONFIG', folder);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

const configure = (config: unknown): Promise<void> =>
  writeFile(join(folder, 'config.json'), typeof config === 'string' ? config : JSON.stringify(config));

/** A helper that answers for the one server, and says what Docker's helpers say for others. */
async function helper(name: string, server: string, answer: string): Promise<void> {
  const script = `#!/bin/sh\nread -r asked\nif [ "$asked" = "${server}" ]; then echo '${answer}'; else echo 'credentials not found'; exit 1; fi\n`;
  const path = join(folder, `docker-credential-${name}`);
  await writeFile(path, script);
  await chmod(path, 0o755);
  vi.stubEnv('PATH', `${folder}${delimiter}${process.env['PATH'] ?? ''}`);
}

describe('credentialsFor', () => {
  it('finds none where there is no configuration', async () => {
    await expect(credentialsFor('docker.io')).resolves.toEqual({ found: undefined });
  });

  it.each([
    ['localhost:5000', 'localhost:5000'],
    ['localhost:5000', 'https://localhost:5000'],
    ['localhost:5000', 'http://localhost:5000/v2/'],
    ['docker.io', 'https://index.docker.io/v1/'],
    ['docker.io', 'index.docker.io'],
  ])('for %s takes the entry %s', async (registry, key) => {
    await configure({ auths: { 'other.example.com': { auth: 'x' }, [key]: { auth } } });
    const { found } = await credentialsFor(registry);
    expect(found).toMatchObject({ username: 'user', password: 'pass:word' });
  });

  it.each(['localhost', 'localhost:5001', 'localhost:5000.example.com'])(
    'does not give away to localhost:5000 what is for %s',
    async (key) => {
      await configure({ auths: { [key]: { auth } } });
      await expect(credentialsFor('localhost:5000')).resolves.toEqual({ found: undefined });
    },
  );

  it('takes an identity token, and name and password that are not encoded', async () => {
    await configure({
      auths: {
        'a.example.com': { auth: '', identitytoken: 'token' },
        'b.example.com': { username: 'user', password: 'secret' },
      },
    });
    expect((await credentialsFor('a.example.com')).found).toEqual({
      identitytoken: 'token',
      serveraddress: 'a.example.com',
    });
    expect((await credentialsFor('b.example.com')).found).toMatchObject({
      username: 'user',
      password: 'secret',
    });
  });

  it('asks the registry’s own helper first, then the store, then reads auths', async () => {
    await helper('own', 'a.example.com:8443', '{"ServerURL":"","Username":"helped","Secret":"1"}');
    await configure({
      credsStore: 'own',
      credHelpers: { 'c.example.com': 'missing-one' },
      auths: { 'b.example.com': { auth }, 'c.example.com': { auth } },
    });
    expect((await credentialsFor('a.example.com:8443')).found).toMatchObject({ username: 'helped' });
    expect((await credentialsFor('b.example.com')).found).toMatchObject({ username: 'user' });
    expect((await credentialsFor('c.example.com')).found).toMatchObject({ username: 'user' });
  });

  it('takes a token from a helper', async () => {
    await helper('tokens', 'https://index.docker.io/v1/', '{"Username":"<token>","Secret":"t"}');
    await configure({ credHelpers: { 'https://index.docker.io/v1/': 'tokens' } });
    expect((await credentialsFor('docker.io')).found).toMatchObject({ identitytoken: 't' });
  });

  it('says why there are none when the helper is not there', async () => {
    await configure({ credsStore: 'nowhere' });
    await expect(credentialsFor('a.example.com')).resolves.toEqual({
      found: undefined,
      problem:
        'Docker’s configuration names the credential helper docker-credential-nowhere, which cannot be run here.',
    });
  });

  it.each(['{ "auths": ', '{ "auths": [] }'])('names the file when it cannot be read: %s', async (text) => {
    await configure(text);
    await expect(credentialsFor('a.example.com')).rejects.toThrow(/config\.json, where `docker login` keeps/);
  });
});
