import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { AuthConfig } from 'dockerode';
import { execa } from 'execa';
import { z } from 'zod';

/** What of Docker's config.json says how to log in. */
const schema = z.object({
  auths: z.record(z.string(), z.object({ auth: z.string().optional() })).optional(),
  credHelpers: z.record(z.string(), z.string()).optional(),
  credsStore: z.string().optional(),
});

const helperAnswer = z.object({ Username: z.string(), Secret: z.string() });

/**
 * What `docker login` left for a registry, undefined when nothing did. The engine itself knows no credentials:
 * its clients send them with each pull.
 */
export async function credentialsFor(registry: string): Promise<AuthConfig | undefined> {
  const folder = process.env['DOCKER_CONFIG'] ?? join(homedir(), '.docker');
  const text = await readFile(join(folder, 'config.json'), 'utf8').catch(() => '{}');
  const config = schema.safeParse(JSON.parse(text)).data ?? {};
  // Docker Hub's entry has kept the name of its first API.
  const server = registry === 'docker.io' ? 'https://index.docker.io/v1/' : registry;
  const helper = config.credHelpers?.[server] ?? config.credHelpers?.[registry] ?? config.credsStore;
  if (helper !== undefined) {
    const found = await askHelper(helper, server);
    if (found !== undefined) return found;
  }
  const auth = config.auths?.[server]?.auth ?? config.auths?.[registry]?.auth;
  return auth === undefined || auth === '' ? undefined : decode(auth, server);
}

async function askHelper(helper: string, server: string): Promise<AuthConfig | undefined> {
  const { stdout, failed } = await execa(`docker-credential-${helper}`, ['get'], {
    input: server,
    reject: false,
  });
  if (failed) return undefined;
  const answer = helperAnswer.safeParse(JSON.parse(stdout)).data;
  if (answer === undefined) return undefined;
  return { username: answer.Username, password: answer.Secret, serveraddress: server };
}

function decode(auth: string, server: string): AuthConfig {
  const [username = '', ...password] = Buffer.from(auth, 'base64').toString('utf8').split(':');
  return { username, password: password.join(':'), serveraddress: server };
}
