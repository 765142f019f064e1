import { isIP } from 'node:net';
import { UsageError } from '../errors.ts';
import type { Credentials } from './credentials.ts';
import type { ProxyLog } from './log-place.ts';

/** What stands for its statement, in results, report and terminal, where its log is not followed. */
export const notAvailable = 'not available';

/** A proxy that is there already, outside the mesh, as the user told it; plain data. */
export interface YourProxy {
  /** As it was told: `proxy.example:3128`. */
  readonly told: string;
  /** Undefined where it was told by addresses. */
  readonly name: string | undefined;
  /** Empty where it was told by its name, which the cluster resolves. */
  readonly addresses: readonly string[];
  readonly port: number;
  /** Never in a report. */
  readonly credentials: Credentials | undefined;
  /** Undefined: its statement is not available. */
  readonly log: ProxyLog | undefined;
}

const shape = 'HOST:PORT, IP:PORT or IP:PORT,IP:PORT with the same port';

/**
 * `--proxy` in parts.
 * @throws UsageError when it is none; what was given is not repeated where it may hold a password
 */
export function parseProxy(told: string): Pick<YourProxy, 'told' | 'name' | 'addresses' | 'port'> {
  if (told.includes('@')) {
    throw new UsageError(
      '--proxy holds an @: a name and password there would be seen by everybody who lists processes',
      'Say --proxy HOST:PORT alone, and set CONFORMANCE_PROXY_USER and CONFORMANCE_PROXY_PASSWORD.',
    );
  }
  const parts = told.split(',').map((part) => parsePart(part.trim(), told));
  const [first, ...more] = parts;
  if (first === undefined) throw wrong(told, 'it is empty');
  const named = parts.filter(({ ip }) => ip === 0).map(({ host }) => host);
  if (named.length > 0 && more.length > 0) {
    throw wrong(told, `${named[0] ?? ''} is a name, of which there can be one alone`);
  }
  const other = more.find(({ port }) => port !== first.port);
  if (other !== undefined) {
    throw wrong(
      told,
      `its ports differ (${first.port}, ${other.port}), and a ServiceEntry has them all on one`,
    );
  }
  const addresses = parts.filter(({ ip }) => ip !== 0).map(({ host }) => host);
  const again = addresses.find((address, index) => addresses.indexOf(address) !== index);
  if (again !== undefined) throw wrong(told, `${again} is in it twice`);
  return { told, name: named[0], addresses, port: first.port };
}

function parsePart(part: string, told: string): { host: string; ip: number; port: number } {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(part)) {
    throw wrong(told, 'it is a URL; what is spoken with the proxy is HTTP, as in the document');
  }
  const match = /^(?:\[([^\]]+)\]|([^:[\]\s/]+)):(\d{1,5})$/.exec(part);
  const host = (match?.[1] ?? match?.[2] ?? '').toLowerCase();
  const port = Number(match?.[3]);
  if (match === null || port < 1 || port > 65_535) throw wrong(told, `"${part}" has no port from 1 to 65535`);
  const ip = isIP(host);
  if (match[1] !== undefined && ip !== 6) throw wrong(told, `[${host}] is no IPv6 address`);
  if (ip === 0 && !isName(host)) throw wrong(told, `${host} is neither an address nor a host's name`);
  if (host === 'localhost' || /^127\./.test(host) || host === '::1') {
    throw wrong(told, `${host} is, inside a pod, the pod itself`);
  }
  return { host, ip, port };
}

/** As DNS has them, with a letter in its last part: `10.0.0` is a mistyped address. */
function isName(host: string): boolean {
  const labels = host.replace(/\.$/, '').split('.');
  return (
    host.length <= 253 &&
    labels.every((label) => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(label)) &&
    /[a-z]/.test(labels.at(-1) ?? '')
  );
}

function wrong(told: string, why: string): UsageError {
  return new UsageError(`--proxy ${told}: ${why}`, `Say ${shape}, as pods of the cluster reach it.`);
}
