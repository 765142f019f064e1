import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { execa } from 'execa';

export interface LimitedRegistry extends AsyncDisposable {
  /** As image references name it, e.g. `127.0.0.1:5000`; engines take a registry there without TLS. */
  readonly host: string;
}

/**
 * A registry on this machine that answers /v2/ and refuses every image, as Docker Hub does at its limit.
 * @param options.greeting The status of /v2/
 */
export async function limitedRegistry({ greeting = 200 } = {}): Promise<LimitedRegistry> {
  const server = createServer((request, response) => {
    const greets = request.url === '/v2/';
    response.writeHead(greets ? greeting : 429, {
      'content-type': 'application/json',
      'docker-distribution-api-version': 'registry/2.0',
    });
    const message = 'You have reached your unauthenticated pull rate limit.';
    response.end(JSON.stringify(greets ? {} : { errors: [{ code: 'TOOMANYREQUESTS', message }] }));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    host: `127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

/**
 * A prefix that runs a command after a script, both in a mount namespace of their own: the script's mounts end with them.
 * @param script For `sh -e`, as root; other users become root of a user namespace
 * @param options.user Use a user namespace also for root, with its own limits (/proc/sys/user)
 */
export function unshared(script: string, options: { readonly user?: boolean } = {}): [string, ...string[]] {
  const mapped = options.user === true || process.getuid?.() !== 0;
  const flags = mapped ? ['--user', '--map-root-user', '--mount'] : ['--mount'];
  return ['unshare', ...flags, 'sh', '-ec', `${script}\nexec "$@"`, 'sh'];
}

/** Why this prefix does not work on this machine; undefined when it does. */
export async function prefixImpossible(prefix: readonly string[]): Promise<string | undefined> {
  const [command = '', ...args] = prefix;
  const { failed, shortMessage, stderr } = await execa(command, [...args, 'true'], {
    reject: false,
    stdin: 'ignore',
  });
  return failed ? `${command} does not do this here: ${stderr === '' ? shortMessage : stderr}` : undefined;
}

/** A prefix that runs a command with its cache folder on a disk of 1 MB, mounted in the current folder. */
export const onSmallDisk = unshared(`
mkdir -p small-disk
mount -t tmpfs -o size=1m tmpfs small-disk
export CONFORMANCE_CACHE_DIR="$PWD/small-disk"`);

/** Why such a disk is impossible on this machine; undefined when it is possible. */
export function smallDiskImpossible(): Promise<string | undefined> {
  return prefixImpossible(unshared('mount -t tmpfs -o size=1m tmpfs /mnt'));
}
