import { isIP } from 'node:net';
import { resolve } from 'node:path';
import type { Configuration } from '../configuration/configuration.ts';
import { UsageError } from '../errors.ts';
import type { Credentials } from './credentials.ts';
import type { Kube } from '../kube/client.ts';
import { exec, type PodRef } from '../kube/exec.ts';
import { timeouts } from '../timeouts.ts';

/** The proxy of a run: plain data, which vitest's workers get as it is. */
export type Proxy = DeployedProxy | GivenProxy;

/** The document's Squid: the run deploys it, and follows the log in its pod. */
interface DeployedProxy {
  readonly kind: 'deployed';
}

/** A proxy outside the mesh that the user gave with `--proxy`. */
export interface GivenProxy {
  readonly kind: 'given';
  /** As the user wrote it: `proxy.example:3128`. */
  readonly text: string;
  /** Undefined where the user gave addresses. */
  readonly name: string | undefined;
  /** Empty where the user gave a name, which the cluster resolves. */
  readonly addresses: readonly string[];
  readonly port: number;
  /** Never in a report. */
  readonly credentials: Credentials | undefined;
  /** Undefined: its statement is not available. */
  readonly log: ProxyLog | undefined;
}

/** Where the access log of a given proxy is. */
export type ProxyLog =
  | { readonly kind: 'file'; readonly text: string; readonly path: string }
  | {
      readonly kind: 'pod';
      readonly text: string;
      readonly namespace: string;
      readonly pod: string;
      /** Undefined: the pod's only one. */
      readonly container: string | undefined;
      /** File in that container; its output when undefined. */
      readonly path: string | undefined;
    };

/** What results, report and terminal show in place of a statement where the proxy's log is not followed. */
export const notAvailable = 'not available';

export const deployedProxy: DeployedProxy = { kind: 'deployed' };

/** The name of a proxy that was given by one, as entries have it: without a dot at its end. */
export function nameGiven(proxy: Proxy): string | undefined {
  return proxy.kind === 'given' ? proxy.name?.replace(/\.$/, '') : undefined;
}

/**
 * The proxy that the settings name, without its credentials.
 * @throws UsageError when `--proxy` or `--proxy-log` cannot be read
 */
export function proxyOf({ proxy, proxyLog }: Pick<Configuration, 'proxy' | 'proxyLog'>): Proxy {
  if (proxy === undefined) return deployedProxy;
  const log = proxyLog === undefined ? undefined : parseProxyLog(proxyLog);
  return { kind: 'given', ...parseProxy(proxy), credentials: undefined, log };
}

/** Why there is no statement of the proxy; undefined where its log is followed. */
export function noStatement(proxy: Proxy): string | undefined {
  if (proxy.kind === 'deployed' || proxy.log !== undefined) return undefined;
  return `${notAvailable}: the log of ${proxy.text} is not followed (--proxy-log)`;
}

/**
 * `--proxy` in parts.
 * @throws UsageError, which does not repeat a text that may hold a password
 */
export function parseProxy(text: string): Pick<GivenProxy, 'text' | 'name' | 'addresses' | 'port'> {
  if (text.includes('@')) {
    throw new UsageError(
      '--proxy holds an @: everybody who lists processes would see the name and password there',
      'Say --proxy HOST:PORT alone, and set CONFORMANCE_PROXY_USER and CONFORMANCE_PROXY_PASSWORD.',
    );
  }
  const parts = text.split(',').map((part) => parsePart(part.trim(), text));
  const [first, ...more] = parts;
  if (first === undefined) throw wrongProxy(text, 'it is empty');
  const name = parts.find(({ ip }) => ip === 0)?.host;
  if (name !== undefined && more.length > 0)
    throw wrongProxy(text, `${name} is a name, which must stand alone`);
  const other = more.find(({ port }) => port !== first.port);
  if (other !== undefined) {
    throw wrongProxy(
      text,
      `its ports differ (${first.port}, ${other.port}); all addresses of a ServiceEntry share one`,
    );
  }
  const addresses = parts.filter(({ ip }) => ip !== 0).map(({ host }) => host);
  const twice = addresses.find((address, index) => addresses.indexOf(address) !== index);
  if (twice !== undefined) throw wrongProxy(text, `it has ${twice} twice`);
  return { text, name, addresses, port: first.port };
}

function parsePart(part: string, text: string): { host: string; ip: number; port: number } {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(part)) {
    throw wrongProxy(text, 'it is a URL; clients speak HTTP with the proxy, as in the document');
  }
  const match = /^(?:\[([^\]]+)\]|([^:[\]\s/]+)):(\d{1,5})$/.exec(part);
  const host = (match?.[1] ?? match?.[2] ?? '').toLowerCase();
  const port = Number(match?.[3]);
  if (match === null || port < 1 || port > 65_535) {
    throw wrongProxy(text, `"${part}" has no port from 1 to 65535`);
  }
  const ip = isIP(host);
  if (match[1] !== undefined && ip !== 6) throw wrongProxy(text, `[${host}] is not an IPv6 address`);
  if (ip === 0 && !isName(host)) throw wrongProxy(text, `${host} is neither an address nor a host name`);
  if (host === 'localhost' || /^127\./.test(host) || host === '::1') {
    throw wrongProxy(text, `inside a pod, ${host} is the pod itself`);
  }
  return { host, ip, port };
}

/** A DNS name with a letter in its last part: `10.0.0` is a mistyped address. */
function isName(host: string): boolean {
  const labels = host.replace(/\.$/, '').split('.');
  return (
    host.length <= 253 &&
    labels.every((label) => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(label)) &&
    /[a-z]/.test(labels.at(-1) ?? '')
  );
}

function wrongProxy(text: string, why: string): UsageError {
  return new UsageError(
    `--proxy ${text}: ${why}`,
    'Say HOST:PORT, IP:PORT or IP:PORT,IP:PORT with the same port, as pods of the cluster reach it.',
  );
}

/**
 * `--proxy-log` in parts: a path that begins with `/`, `./` or `../`, or has no slash, is a file of this machine; anything
 * else is `namespace/pod[/container][:/path]`.
 * @throws UsageError when it is neither
 */
export function parseProxyLog(text: string): ProxyLog {
  if (text === '') throw wrongLog(text, 'it is empty');
  if (/^(?:\/|\.\.?\/)/.test(text) || !text.includes('/')) return { kind: 'file', text, path: resolve(text) };
  const colon = text.indexOf(':');
  const path = colon < 0 ? undefined : text.slice(colon + 1);
  const [namespace = '', pod = '', container, ...more] = (colon < 0 ? text : text.slice(0, colon)).split('/');
  if (path !== undefined && !path.startsWith('/')) throw wrongLog(text, 'its path does not begin with /');
  const names = [namespace, pod, ...(container === undefined ? [] : [container])];
  if (more.length > 0 || names.some((name) => !/^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/.test(name))) {
    throw wrongLog(text, 'it is not namespace/pod[/container][:/path]');
  }
  return { kind: 'pod', text, namespace, pod, container, path };
}

function wrongLog(text: string, why: string): UsageError {
  return new UsageError(
    `--proxy-log ${text}: ${why}`,
    'Say a file of this machine (/path, ./path), or namespace/pod[/container][:/path] in the cluster.',
  );
}

/**
 * Resolves a name in a pod, by the nslookup that images of curl have (busybox's, bind's).
 * @throws Error with what nslookup said when it finds none
 */
export async function resolveIn(kube: Kube, client: PodRef, name: string): Promise<string[]> {
  const { stdout, stderr } = await exec(kube, client, ['nslookup', name], { timeoutMs: timeouts.probe * 2 });
  const found = addressesIn(stdout);
  if (found.length > 0) return found;
  const said = `${stdout}\n${stderr}`
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^(Server|Address)\b/i.test(line));
  throw new Error(said.join('; ') || 'nslookup found nothing');
}

/** The answer's addresses, without the server's own, which comes first. */
export function addressesIn(output: string): string[] {
  const answer = output.slice(output.search(/^Name:/m));
  if (!answer.startsWith('Name:')) return [];
  const all = [...answer.matchAll(/^Address(?: \d+)?:\s*(\S+)/gm)].map(([, address = '']) => address);
  return [...new Set(all.filter((address) => isIP(address) !== 0))].sort();
}
