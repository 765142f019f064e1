import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { AuthConfig } from 'dockerode';
import { execa } from 'execa';
import { z } from 'zod';
import { EnvironmentError, jsonIn, messageOf } from '../errors.ts';

/** What of Docker's config.json says how to log in. */
const schema = z.looseObject({
  auths: z
    .record(
      z.string(),
      z.looseObject({
        auth: z.string().optional(),
        username: z.string().optional(),
        password: z.string().optional(),
        identitytoken: z.string().optional(),
      }),
    )
    .optional(),
  credHelpers: z.record(z.string(), z.string()).optional(),
  credsStore: z.string().optional(),
});

type Config = z.infer<typeof schema>;

const helperAnswer = z.object({ Username: z.string(), Secret: z.string() });

/** What the engine takes; an identity token stands in for name and password. */
export type Credentials = AuthConfig | { readonly identitytoken: string; readonly serveraddress: string };

export interface FoundCredentials {
  /** Undefined when nothing is configured for the registry, or what is does not work. */
  readonly found: Credentials | undefined;
  /** A sentence: why there are none although some are configured. */
  readonly problem?: string;
}

/**
 * What `docker login` left for a registry, by the rules of Docker's own command: the registry's helper, else the store,
 * else `auths`. The engine itself knows no credentials: its clients send them with each pull.
 *
 * testcontainers has the same look-up (`getAuthConfig`), but does not export it; and it does not say what to do about an
 * unreadable file or a missing helper.
 * @param registry As references name it, with its port: `harbor.example.com:8443`
 * @throws EnvironmentError when the configuration is there and cannot be read
 */
export async function credentialsFor(registry: string): Promise<FoundCredentials> {
  const config = await readConfig();
  // Docker Hub's entry has kept the name of its first API.
  const server = registry === 'docker.io' ? 'https://index.docker.io/v1/' : registry;
  const helper =
    config.credHelpers?.[server] ?? config.credHelpers?.[registry] ?? nonEmpty(config.credsStore);
  const asked = helper === undefined ? { found: undefined } : await askHelper(helper, server);
  if (asked.found !== undefined) return asked;
  const entry = entryOf(config, server);
  const found = entry === undefined ? undefined : decode(entry, server);
  return found === undefined ? asked : { found };
}

async function readConfig(): Promise<Config> {
  const file = join(nonEmpty(process.env['DOCKER_CONFIG']) ?? join(homedir(), '.docker'), 'config.json');
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw unreadable(file, error);
  }
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw unreadable(file, error instanceof z.ZodError ? new Error(z.prettifyError(error)) : error);
  }
}

function unreadable(file: string, error: unknown): EnvironmentError {
  return new EnvironmentError(
    `${file}, where \`docker login\` keeps credentials, cannot be read: ${messageOf(error)}`,
    'Correct the file, or set DOCKER_CONFIG to the folder of another.',
    { cause: error },
  );
}

/** Keys may be hosts or, from older logins, URLs: what counts is host and port. */
function entryOf({ auths = {} }: Config, server: string): NonNullable<Config['auths']>[string] | undefined {
  if (auths[server] !== undefined) return auths[server];
  return Object.entries(auths).find(([key]) => hostOf(key) === hostOf(server))?.[1];
}

function hostOf(key: string): string {
  return key.replace(/^https?:\/\//, '').split('/')[0] ?? '';
}

async function askHelper(helper: string, server: string): Promise<FoundCredentials> {
  const command = `docker-credential-${helper}`;
  const { stdout, failed, exitCode } = await execa(command, ['get'], { input: server, reject: false });
  if (exitCode === undefined) {
    return {
      found: undefined,
      problem: `Docker’s configuration names the credential helper ${command}, which cannot be run here.`,
    };
  }
  // It ends with 1 where it has none.
  if (failed) return { found: undefined };
  const answer = helperAnswer.safeParse(jsonIn(stdout)).data;
  if (answer === undefined) {
    return { found: undefined, problem: `The credential helper ${command} gave no answer that can be read.` };
  }
  const { Username: username, Secret: secret } = answer;
  if (username === '<token>') return { found: { identitytoken: secret, serveraddress: server } };
  return { found: { username, password: secret, serveraddress: server } };
}

function decode(
  { auth, username, password, identitytoken }: NonNullable<Config['auths']>[string],
  server: string,
): Credentials | undefined {
  if (nonEmpty(identitytoken) !== undefined)
    return { identitytoken: identitytoken ?? '', serveraddress: server };
  if (nonEmpty(auth) !== undefined) {
    const [name = '', ...rest] = Buffer.from(auth ?? '', 'base64')
      .toString('utf8')
      .split(':');
    return { username: name, password: rest.join(':'), serveraddress: server };
  }
  // Written by hand, and by tools that do not encode.
  if (username === undefined || password === undefined) return undefined;
  return { username, password, serveraddress: server };
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
