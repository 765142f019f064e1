import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { pipeline, type Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { makeServerCertificate } from '../../helpers/destination/certificates.ts';

export interface CorporateProxy extends AsyncDisposable {
  /** `127.0.0.1:35671` */
  readonly host: string;
  /** Variables that send a process through it. */
  readonly variables: Readonly<Record<string, string>>;
  /** PEM of the CA that it signs by. */
  readonly ca: string;
  /** What it was asked for, in order: `en.wikipedia.org:443`, `http://packages.example/…`. */
  readonly asked: readonly string[];
}

/**
 * A proxy on this machine that opens TLS, as some companies' do: it answers everything by itself, with 200 and a
 * certificate of its own making.
 * @param tlsHost The one host that the certificate is for
 */
export async function corporateProxy(tlsHost: string): Promise<CorporateProxy> {
  const { ca, certificate: cert, key } = await makeServerCertificate(tlsHost, 'a company');
  const asked: string[] = [];
  const inside = createServer((_request, response) => response.end('opened'));
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.end('opened');
  });
  const sockets = new Set<TLSSocket>();
  server.on('connect', (request, socket) => {
    asked.push(request.url ?? '');
    socket.on('error', () => socket.destroy());
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
    const opened = new TLSSocket(socket, { isServer: true, key, cert });
    sockets.add(opened);
    // Clients that do not trust it hang up.
    opened.on('error', () => opened.destroy());
    opened.on('close', () => sockets.delete(opened));
    inside.emit('connection', opened);
  });
  const host = await listening(server);
  const url = `http://${host}`;
  return {
    host,
    ca,
    asked,
    variables: {
      HTTP_PROXY: url,
      HTTPS_PROXY: url,
      http_proxy: url,
      https_proxy: url,
      NO_PROXY: '',
      no_proxy: '',
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A proxy on this machine that wants a name and password, and leads every CONNECT to one place: it alone knows the names asked for. */
export async function leadingProxy(
  { hostname, port }: URL,
  login: string,
): Promise<Pick<CorporateProxy, 'asked'> & { readonly url: string } & AsyncDisposable> {
  const asked: string[] = [];
  const sockets = new Set<Duplex>();
  const server = createServer().on('connect', (request, socket, head) => {
    sockets.add(socket.once('close', () => sockets.delete(socket)));
    const wanted = `Basic ${Buffer.from(login).toString('base64')}`;
    if (request.headers['proxy-authorization'] !== wanted) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
      return;
    }
    asked.push(request.url ?? '');
    const onward = connect(Number(port), hostname, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.write(head);
    });
    pipeline(socket, onward, socket, () => undefined);
  });
  const host = await listening(server);
  return {
    url: `http://${login}@${host}`,
    asked,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** @returns Where it listens, on this machine alone: `127.0.0.1:35671` */
async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
