import { randomBytes } from 'node:crypto';
import { chmod, writeFile } from 'node:fs/promises';
import { createServer as createHttps } from 'node:https';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { encodeOwner, labelKeys, thisProcess } from '../../helpers/cluster/labels.ts';
import { makeServerCertificate } from '../../helpers/destination/certificates.ts';
import { eventually } from '../../helpers/eventually/eventually.ts';
import { dockerode } from '../../helpers/engine.ts';
import { makeRunFolder, removeRunFolder } from '../../helpers/session/folder.ts';
import { newRunId } from '../../helpers/session/session.ts';
import { addressMustAnswer } from './address-must-answer.ts';

/** Someone's own proxy on this machine, that asks for a name and password, and a site that it alone finds. */
export interface OwnProxy extends AsyncDisposable {
  /** One of this machine's addresses; it listens on all. */
  readonly ip: string;
  readonly port: number;
  /** Its access log, a file of this machine. */
  readonly log: string;
  readonly site: { readonly url: string; readonly host: string; readonly title: string; readonly ca: string };
  /** Name of its container. */
  readonly container: string;
}

export const ownUser = 'conformance-tester';
/**
 * With all that shells, curl's configuration, URLs and JSON have their own ideas about. Another one in each process, so
 * that who looks for it does not find that of tests beside these.
 */
export const ownPassword = `S3cr"et\\of 'the%20$(proxy)-${randomBytes(4).toString('hex')}`;

const siteHost = 'intranet.conformance.test';

/**
 * Starts both. Squid runs in a container on this machine's own network, so it is as far outside the cluster as a program
 * of this machine.
 * @param image One of Squid that has a shell
 * @param runId Its container is labelled with it; that and its folder are swept where this process is killed
 */
export async function ownProxy(image: string, runId: string): Promise<OwnProxy> {
  await using stack = new AsyncDisposableStack();
  const folderId = newRunId();
  const folder = await makeRunFolder(folderId);
  stack.defer(() => removeRunFolder(folderId));
  const site = await ownSite();
  stack.use(site);
  const port = await freePort();
  const docker = await dockerode();
  const ip = ownAddress();
  const log = join(folder, 'access.log');
  // Squid's own user writes it.
  await chmod(folder, 0o777);
  await writeFile(log, '', { mode: 0o666 });
  await chmod(log, 0o666);
  const known = asSquidTells(ownPassword).map((password) => `${ownUser} ${password}\n`);
  await writeFile(join(folder, 'known'), known.join(''));
  await writeFile(join(folder, 'check'), check, { mode: 0o755 });
  await writeFile(join(folder, 'hosts'), `127.0.0.1 ${siteHost}\n`);
  await writeFile(join(folder, 'squid.conf'), configuration(port));
  const container = await docker.createContainer({
    Image: image,
    Entrypoint: ['squid'],
    Cmd: ['-f', '/own/squid.conf', '-NYC'],
    Labels: {
      [labelKeys.run]: runId,
      [labelKeys.owner]: encodeOwner(thisProcess()),
      [labelKeys.kept]: 'false',
    },
    HostConfig: { NetworkMode: 'host', Binds: [`${folder}:/own`] },
  });
  stack.defer(() => container.remove({ force: true, v: true }) as Promise<void>);
  await container.start();
  await eventually('Squid to answer', () => addressMustAnswer(ip, port), {
    timeoutMs: 20_000,
    intervalMs: 100,
  });
  const cleanUp = stack.move();
  return {
    ip,
    port,
    log,
    container: container.id,
    site: { url: site.url, host: siteHost, title: site.title, ca: site.ca },
    [Symbol.asyncDispose]: () => cleanUp.disposeAsync(),
  };
}

/** Squid's helper reads a line with name and password and answers it: neither is an argument of a process. */
const check = `#!/bin/sh
{ read -r known; read -r other; } </own/known
while read -r line; do
  if [ "$line" = "$known" ] || [ "$line" = "$other" ]; then echo OK; else echo ERR; fi
done
`;

function configuration(port: number): string {
  return `http_port 0.0.0.0:${port}
auth_param basic program /own/check
auth_param basic children 1
auth_param basic realm conformance test
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all
hosts_file /own/hosts
access_log stdio:/own/access.log squid
cache_log /dev/stderr
pid_filename none
max_filedescriptors 1024
shutdown_lifetime 0 seconds
pinger_enable off
coredump_dir /tmp
`;
}

/** As Squid writes what is no plain character for its helper (rfc1738_escape): 5 in capitals, 3.5 in small letters. */
function asSquidTells(password: string): string[] {
  const escaped = (sign: string): string => `%${sign.charCodeAt(0).toString(16)}`;
  const signs = /[<>"#{}|\\^~[\]`' ]/g;
  return [password.replace(signs, escaped), password.replace(signs, (sign) => escaped(sign).toUpperCase())];
}

interface OwnSite extends AsyncDisposable {
  readonly url: string;
  readonly title: string;
  readonly ca: string;
}

/** On all addresses, for a proxy inside the cluster; its name is known to proxies alone. */
async function ownSite(): Promise<OwnSite> {
  const { ca, certificate, key } = await makeServerCertificate(siteHost, 'own site test CA');
  const title = 'The intranet of a test';
  const page = `<!doctype html>\n<title>${title}</title>\n<p>${'It came by way of a proxy. '.repeat(40)}</p>\n`;
  const server = createHttps({ cert: certificate, key }, (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
    response.end(page);
  });
  // It ends a connection after so many answers, and says so in the last, as Apache does by default.
  server.maxRequestsPerSocket = 30;
  const port = await listening(server, '0.0.0.0');
  return {
    url: `https://${siteHost}:${port}/index.html`,
    title,
    ca,
    [Symbol.asyncDispose]: () => {
      server.closeAllConnections();
      return closed(server);
    },
  };
}

/** One of this machine's addresses, as containers reach it by their gateway. */
function ownAddress(): string {
  const all = Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) =>
    addresses
      .filter(({ family, internal }) => family === 'IPv4' && !internal)
      .map(({ address }) => ({ name, address })),
  );
  // Those of the engine's networks come and go with them; a machine without a network has no other.
  const found = all.find(({ name }) => !/^(?:br-|docker|veth)/.test(name)) ?? all[0];
  if (found !== undefined) return found.address;
  throw new Error('This machine has no address that a container could reach');
}

/** This machine's address on one of the engine's networks, which is there as long as the network is. */
export function bridgeAddress(networkId: string): string {
  const bridge = `br-${networkId.slice(0, 12)}`;
  const found = networkInterfaces()[bridge]?.find(({ family }) => family === 'IPv4');
  if (found === undefined)
    throw new Error(`This machine has no interface ${bridge}, so no engine of its own`);
  return found.address;
}

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listening(server, '0.0.0.0');
  await closed(server);
  return port;
}

async function listening(server: Server, host: string): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, host, resolve);
  });
  return (server.address() as AddressInfo).port;
}

async function closed(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => {
      resolve();
    });
  });
}
