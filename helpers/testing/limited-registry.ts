import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

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
