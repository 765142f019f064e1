import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { stringify } from 'yaml';
import { dockerode, follow } from '../../helpers/engine.ts';
import { exists, inCache } from '../../helpers/cache.ts';
import { parseReference } from '../../helpers/images/reference.ts';
import { lineSplitter } from '../../helpers/kube/lines.ts';
import { buildVariables } from '../../helpers/proxies/variables.ts';

/** The registry that Docker Hub and most others are made from: github.com/distribution/distribution. */
const server = fileURLToPath(new URL('../registry/server', import.meta.url));

/** Who may read and write; the hash is bcrypt's of the password (`htpasswd -nbB`), the only one that the registry takes. */
export const registryUser = {
  username: 'reader',
  password: 'registry-test',
  hash: '$2b$05$abcdefghijklmnopqrstuujed4HrDNXEIkguQ7k7wh1O2h6/GC./a',
} as const;

export interface LocalRegistry extends AsyncDisposable {
  /** As image references name it: `127.0.0.1:35671`. */
  readonly host: string;
  /** Folder with a config.json, as `docker login` would leave it. */
  readonly login: string;
  /** Copies an image of the engine into the registry; the engine has no further name for it afterwards. */
  readonly push: (image: string, path: string) => Promise<void>;
  /** Ends the registry; what it holds goes with {@link AsyncDisposable}. */
  readonly stop: () => Promise<void>;
}

/**
 * A registry on this machine that asks for a login. Without TLS, which engines accept on the loopback.
 * @param address Where it listens; 0.0.0.0 for nodes too
 */
export async function localRegistry(address: '127.0.0.1' | '0.0.0.0' = '127.0.0.1'): Promise<LocalRegistry> {
  const binary = await registryBinary();
  const folder = await mkdtemp(join(tmpdir(), 'conformance-registry-'));
  await writeFile(join(folder, 'htpasswd'), `${registryUser.username}:${registryUser.hash}\n`);
  const config = {
    version: 0.1,
    log: { level: 'info', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(folder, 'data') } },
    http: { addr: `${address}:0` },
    auth: { htpasswd: { realm: 'test', path: join(folder, 'htpasswd') } },
  };
  await writeFile(join(folder, 'config.yml'), stringify(config));
  const stopping = new AbortController();
  const running = execa(binary, [join(folder, 'config.yml')], {
    cancelSignal: stopping.signal,
    reject: false,
    stdin: 'ignore',
    all: true,
    buffer: false,
    env: { OTEL_TRACES_EXPORTER: 'none' },
  });
  const stop = async (): Promise<void> => {
    stopping.abort();
    await running;
  };
  const host = await listening(running.all);
  const login = join(folder, 'login');
  const { username, password } = registryUser;
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  await mkdir(login);
  await writeFile(join(login, 'config.json'), JSON.stringify({ auths: { [host]: { auth } } }));
  return {
    host,
    login,
    stop,
    push: async (image, path) => {
      const { repository, version } = parseReference(`${host}/${path}`);
      const docker = await dockerode();
      await docker.getImage(image).tag({ repo: `${host}/${repository}`, tag: version });
      const named = docker.getImage(`${host}/${path}`);
      try {
        await follow(
          await named.push({ authconfig: { username, password, serveraddress: host } }),
          () => undefined,
        );
      } finally {
        await named.remove();
      }
    },
    [Symbol.asyncDispose]: async () => {
      await stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The address that it says it listens at. @throws Error with what it said when it ends before */
async function listening(output: NodeJS.ReadableStream): Promise<string> {
  const said: string[] = [];
  return new Promise((resolve, reject) => {
    const take = lineSplitter((line) => {
      said.push(line);
      const [, port] = /listening on (?:127\.0\.0\.1|\[::\]):(\d+)/.exec(line) ?? [];
      if (port !== undefined) resolve(`127.0.0.1:${port}`);
    });
    output.on('data', (chunk: Buffer | string) => {
      take(Buffer.from(chunk));
    });
    output.on('end', () => {
      reject(new Error(`The registry ended:\n${said.join('\n')}`));
    });
  });
}

/** Built once into the cache, by the Go that the source image set needs too. */
async function registryBinary(): Promise<string> {
  const sources = await Promise.all(['main.go', 'go.mod'].map((name) => readFile(join(server, name))));
  const key = createHash('sha256').update(Buffer.concat(sources)).digest('hex').slice(0, 12);
  const binary = inCache('tools', `registry-${key}`);
  if (await exists(binary)) return binary;
  await mkdir(dirname(binary), { recursive: true });
  const unfinished = `${binary}.${process.pid}`;
  try {
    await execa('go', ['build', '-trimpath', '-ldflags', '-s -w', '-o', unfinished, '.'], {
      cwd: server,
      env: { ...(await buildVariables(process.env)), CGO_ENABLED: '0', GOWORK: 'off' },
    });
    await rename(unfinished, binary);
  } finally {
    await rm(unfinished, { force: true });
  }
  return binary;
}
