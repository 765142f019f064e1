import { createServer, request } from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { dockerode } from '../../helpers/engine.ts';

export interface RefusingEngine extends AsyncDisposable {
  /** For DOCKER_HOST. */
  readonly address: string;
}

/**
 * The engine behind a proxy that refuses privileged containers, as authorization plugins and guarded sockets of CI
 * services do.
 */
export async function refusingEngine(): Promise<RefusingEngine> {
  const { socketPath } = (await dockerode()).modem as { readonly socketPath?: string };
  if (socketPath === undefined) throw new Error('the engine has no socket here');
  const folder = await mkdtemp(join(tmpdir(), 'conformance-engine-'));
  const server = createServer((asked, response) => {
    void (async () => {
      const body = await buffer(asked);
      const creates = asked.method === 'POST' && /\/containers\/create(\?|$)/.test(asked.url ?? '');
      if (creates && isPrivileged(body.toString())) {
        const message = 'authorization denied by plugin guard: privileged containers are not allowed';
        response.writeHead(403, { 'content-type': 'application/json' }).end(JSON.stringify({ message }));
        return;
      }
      const { method, url: path, headers } = asked;
      const onward = request({ socketPath, method, path, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      onward.on('error', () => response.destroy());
      onward.end(body);
    })();
  });
  const socket = join(folder, 'engine.sock');
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socket, resolve);
  });
  return {
    address: `unix://${socket}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function isPrivileged(body: string): boolean {
  const { HostConfig } = JSON.parse(body) as { readonly HostConfig?: { readonly Privileged?: boolean } };
  return HostConfig?.Privileged === true;
}
