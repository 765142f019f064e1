import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { execa } from 'execa';

export interface LimitedRegistry extends AsyncDisposable {
  /** As image references name it, e.g. `127.0.0.1:5000`; engines take a registry there without TLS. */
  readonly host: string;
}

/**
 * A registry on this machine that greets everybody and gives nobody an image, as Docker Hub when its limit is reached.
 * @param options.greeting The status it greets by
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
 * A command to run another one by, after a script that changes what the two see of this machine, and nobody else: its
 * mounts are theirs, and go with them.
 * @param script For `sh -e`, as root; users other than root need to be root of a namespace first
 * @param options.user In a user namespace of its own in any case, whose limits (/proc/sys/user) are its own
 */
export function unshared(script: string, options: { readonly user?: boolean } = {}): [string, ...string[]] {
  const mapped = options.user === true || process.getuid?.() !== 0;
  const flags = mapped ? ['--user', '--map-root-user', '--mount'] : ['--mount'];
  return ['unshare', ...flags, 'sh', '-ec', `${script}\nexec "$@"`, 'sh'];
}

/** Why a command cannot be run by another one here; undefined when it can. */
export async function prefixImpossible(prefix: readonly string[]): Promise<string | undefined> {
  const [command = '', ...args] = prefix;
  const { failed, shortMessage, stderr } = await execa(command, [...args, 'true'], {
    reject: false,
    stdin: 'ignore',
  });
  return failed ? `${command} does not do this here: ${stderr === '' ? shortMessage : stderr}` : undefined;
}

/** A command to run another one by, whose cache folder is on a disk of 1 MB: a folder of the current one. */
export const onSmallDisk = unshared(`
mkdir -p small-disk
mount -t tmpfs -o size=1m tmpfs small-disk
export CONFORMANCE_CACHE_DIR="$PWD/small-disk"`);

/** Why there can be no such disk here; undefined when there can. */
export function smallDiskImpossible(): Promise<string | undefined> {
  return prefixImpossible(unshared('mount -t tmpfs -o size=1m tmpfs /mnt'));
}
