import { createServer, request, type RequestOptions } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';
import { makeServerCertificate } from '../../helpers/destination/certificates.ts';

/** Something that was done to an API server, as RBAC says it; `namespace` and `name` are '' where there is none. */
export interface Deed {
  readonly group: string;
  readonly resource: string;
  readonly verb: string;
  readonly namespace: string;
  readonly name: string;
}

/** An API server in front of another, that hands on all it is asked and notes it. */
export interface RecordingApi extends AsyncDisposable {
  /** As the one it was given, but by way of here. */
  readonly kubeconfig: string;
  /** Each once, in the order they were first done; what was not allowed is not among them. */
  readonly deeds: () => readonly Deed[];
}

/** @param kubeconfig Of the user whose requests come: the credentials are the client's own, and are handed on */
export async function recordingApi(kubeconfig: string): Promise<RecordingApi> {
  const config = new KubeConfig();
  config.loadFromString(kubeconfig);
  const upstream = new URL(config.getCurrentCluster()?.server ?? '');
  const trust: RequestOptions = {};
  await config.applyToHTTPSOptions(trust);
  const { ca, certificate, key } = await makeServerCertificate('localhost');
  const deeds = new Map<string, Deed>();
  const note = (method: string, url: string, status: number): void => {
    if (status === 401 || status === 403) return;
    for (const deed of deedsOf(method, url, status)) deeds.set(JSON.stringify(deed), deed);
  };
  const sockets = new Set<Socket>();
  const server = createServer({ cert: certificate, key });
  server.on('secureConnection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const optionsOf = (
    method: string | undefined,
    path: string | undefined,
    headers: RequestOptions['headers'],
  ): RequestOptions => ({
    ca: trust.ca,
    host: upstream.hostname,
    port: upstream.port,
    method,
    path,
    headers: { ...headers, host: upstream.host },
    agent: false,
  });
  server.on('request', (incoming, outgoing) => {
    const { method = 'GET', url = '/' } = incoming;
    const onward = request(optionsOf(method, url, incoming.headers), (answer) => {
      note(method, url, answer.statusCode ?? 500);
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    outgoing.on('close', () => onward.destroy());
    incoming.pipe(onward);
  });
  // exec speaks WebSocket.
  server.on('upgrade', (incoming, socket: Socket) => {
    const { method = 'GET', url = '/' } = incoming;
    const onward = request(optionsOf(method, url, incoming.headers));
    onward.on('upgrade', (answer, theirs, first) => {
      note(method, url, 101);
      const lines = Object.entries(answer.headers).map(([name, value]) => `${name}: ${String(value)}`);
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('\r\n')}\r\n\r\n`);
      socket.write(first);
      theirs.pipe(socket).pipe(theirs);
      theirs.on('error', () => socket.destroy());
      socket.on('error', () => theirs.destroy());
    });
    onward.on('response', (answer) => {
      socket.end(`HTTP/1.1 ${answer.statusCode ?? 500} Refused\r\n\r\n`);
      answer.resume();
    });
    onward.on('error', () => socket.destroy());
    onward.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const here = new KubeConfig();
  here.loadFromOptions({
    clusters: [
      { name: 'recorded', server: `https://localhost:${port}`, caData: Buffer.from(ca).toString('base64') },
    ],
    users: [config.getCurrentUser() ?? { name: 'nobody' }],
    contexts: [{ name: 'recorded', cluster: 'recorded', user: config.getCurrentUser()?.name ?? 'nobody' }],
    currentContext: 'recorded',
  });
  return {
    kubeconfig: here.exportConfig(),
    deeds: () => [...deeds.values()],
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const verbs: Readonly<Record<string, string>> = {
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** What a request means to RBAC; an apply that made its object was a creation too. */
export function deedsOf(method: string, url: string, status: number): Deed[] {
  const { pathname, searchParams } = new URL(url, 'https://localhost');
  const [, group = '', rest = ''] = /^\/(?:api\/[^/]+|apis\/([^/]+)\/[^/]+)\/(.+)$/.exec(pathname) ?? [];
  if (rest === '') return [];
  const [, namespace = '', within = rest] = /^namespaces\/([^/]+)\/(.+)$/.exec(rest) ?? [];
  const [resource = '', name = '', subresource] = within.split('/');
  const what = {
    group,
    resource: subresource === undefined ? resource : `${resource}/${subresource}`,
    namespace,
    name,
  };
  const read = searchParams.get('watch') === 'true' ? 'watch' : name === '' ? 'list' : 'get';
  const verb = verbs[method] ?? read;
  // The API server asks for both since Kubernetes 1.35.
  if (subresource === 'exec')
    return [
      { ...what, verb: 'get' },
      { ...what, verb: 'create' },
    ];
  return method === 'PATCH' && status === 201
    ? [
        { ...what, verb },
        { ...what, verb: 'create' },
      ]
    : [{ ...what, verb }];
}
