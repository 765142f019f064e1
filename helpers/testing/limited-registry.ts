import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface LimitedRegistry extends AsyncDisposable {
  /** As image references name it, e.g. `127.0.0.1:5000`; engines take a registry there without TLS. */
  readonly host: string;
}

/** A registry on this machine that greets everybody and gives nobody an image, as Docker Hub when its limit is reached. */
export async function limitedRegistry(): Promise<LimitedRegistry> {
  const server = createServer((request, response) => {
    const greeting = request.url === '/v2/';
    response.writeHead(greeting ? 200 : 429, {
      'content-type': 'application/json',
      'docker-distribution-api-version': 'registry/2.0',
    });
    const message = 'You have reached your unauthenticated pull rate limit.';
    response.end(JSON.stringify(greeting ? {} : { errors: [{ code: 'TOOMANYREQUESTS', message }] }));
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
