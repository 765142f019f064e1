import { hash, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import tls from 'node:tls';
import { exists, inCache, writeWhole } from '../cache.ts';
import { networkHolds } from '../network.ts';

/** The proxy variables. Some programs read the upper-case names, some the lower-case ones. */
const proxyNames = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY'] as const;
type ProxyName = (typeof proxyNames)[number];

/** One of them as it is set, in either case. */
export interface ProxyVariable {
  readonly name: ProxyName;
  /** As it is spelt in the environment. */
  readonly spelling: string;
  readonly value: string;
}

/** The proxy variables that are set and not empty; programs take an empty one for none. */
export function proxyVariables(environment: NodeJS.ProcessEnv): ProxyVariable[] {
  return proxyNames.flatMap((name) =>
    [name, name.toLowerCase()].flatMap((spelling) => {
      const value = environment[spelling];
      return value === undefined || value === '' ? [] : [{ name, spelling, value }];
    }),
  );
}

/**
 * HTTP_PROXY, HTTPS_PROXY and NO_PROXY in both cases, where they are set in one: apt and curl read `http_proxy`
 * alone, other tools the capitals alone. What is set in both stays as it is.
 */
function inBothCases(environment: NodeJS.ProcessEnv): Record<string, string> {
  const variables = proxyVariables(environment).filter(({ name }) => name !== 'ALL_PROXY');
  return Object.fromEntries([
    ...variables.flatMap(({ name, value }) => [
      [name, value],
      [name.toLowerCase(), value],
    ]),
    ...variables.map(({ spelling, value }) => [spelling, value]),
  ]) as Record<string, string>;
}

/** Each of them empty, which every program takes for none: for containers that an engine would hand its own to. */
export const noProxies: Readonly<Record<string, string>> = Object.fromEntries(
  proxyNames.flatMap((name) => [
    [name, ''],
    [name.toLowerCase(), ''],
  ]),
);

/** The proxy's address without the name and password that may be in it, for people. */
export function withoutCredentials(value: string): string {
  return value.replace(/^([a-z0-9+.-]+:\/\/)?[^/@]*@/i, '$1…@');
}

/** The URL of a proxy as Node's HTTP client takes it; undefined for what it throws at. */
export function proxyUrl(value: string): URL | undefined {
  const url = URL.parse(value);
  const usable = url !== null && ['http:', 'https:', 'socks5:', 'socks:'].includes(url.protocol);
  return usable && url.hostname !== '' ? url : undefined;
}

/** Names of this machine's own loopback. In a container they are the container's own. */
export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);
}

/** Whether a list as in NO_PROXY names the host: itself, a domain it is in, or everything. Not by address range. */
export function excludes(list: string, host: string): boolean {
  const wanted = host.replace(/^\[|\]$/g, '').toLowerCase();
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .map((entry) => entry.replace(/^\*?\./, '').replace(/(?<=^[^:]*):\d+$/, ''))
    .some((entry) => entry !== '' && (entry === '*' || wanted === entry || wanted.endsWith(`.${entry}`)));
}

/**
 * The proxy that Node's HTTP client uses for an https URL, as its variable has it; undefined for none.
 * Lower case first, and HTTP_PROXY in place of a missing HTTPS_PROXY, as undici's EnvHttpProxyAgent does.
 */
export function proxyFor(environment: NodeJS.ProcessEnv, url: string): string | undefined {
  const value = (name: string): string => environment[name.toLowerCase()] ?? environment[name] ?? '';
  const proxy = value('HTTPS_PROXY') || value('HTTP_PROXY');
  if (proxy === '' || excludes(value('NO_PROXY'), new URL(url).hostname)) return undefined;
  return proxy;
}

/** By which each tool takes a file of certificates INSTEAD of its own: Go and OpenSSL, pip, requests, curl, Git. */
const replacing = ['SSL_CERT_FILE', 'PIP_CERT', 'REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE', 'GIT_SSL_CAINFO'];

/** The certificates in PEM text. @throws Error when one of them cannot be parsed */
export function certificatesIn(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}

/**
 * Variables that make the tools of a build trust what Node was told to trust in addition (NODE_EXTRA_CA_CERTS), where
 * they were not told themselves. They take a file instead of their own certificates, so it holds all of them.
 * @returns nothing where Node was told nothing, or of a file that holds no certificates
 */
async function authorityVariables(environment: NodeJS.ProcessEnv): Promise<Record<string, string>> {
  const extra = environment['NODE_EXTRA_CA_CERTS'];
  const missing = replacing.filter((name) => (environment[name] ?? '') === '');
  if (extra === undefined || extra === '' || missing.length === 0) return {};
  const own = await readFile(extra, 'utf8').catch(() => '');
  if (!own.includes('-----BEGIN CERTIFICATE-----')) return {};
  const file = await bundle([...tls.getCACertificates('system'), ...tls.rootCertificates, own]);
  return Object.fromEntries(missing.map((name) => [name, file]));
}

/** A file in the cache, named by what is in it. */
async function bundle(certificates: readonly string[]): Promise<string> {
  const text = `${[...new Set(certificates.map((pem) => pem.trim()))].join('\n')}\n`;
  const name = hash('sha256', text).slice(0, 16);
  const file = inCache('authorities', `${name}.pem`);
  if (!(await exists(file))) await writeWhole(file, text);
  return file;
}

/** Variables by which a build's tools use the proxy and trust the CA that Node uses. */
export async function buildVariables(environment: NodeJS.ProcessEnv): Promise<Record<string, string>> {
  return { ...inBothCases(environment), ...(await authorityVariables(environment)) };
}

/** How an engine's build reaches the proxy. */
interface BuildProxy {
  /**
   * The proxy variables of this process for `RUN` lines. These names need no `ARG`, and builders keep them out of the
   * image and its history.
   */
  readonly buildargs: Readonly<Record<string, string>>;
  /** `host` for a proxy on this machine's loopback, which a container's network does not have. */
  readonly networkmode?: 'host';
}

/** @param engineIsHere Its containers run on this machine: with the host's network they have its loopback */
export function buildProxy(environment: NodeJS.ProcessEnv, engineIsHere: boolean): BuildProxy {
  const local = proxyVariables(environment).some(
    ({ name, value }) => name !== 'NO_PROXY' && isLoopback(proxyUrl(value)?.hostname ?? ''),
  );
  const buildargs = inBothCases(environment);
  if (!local) return { buildargs };
  // From elsewhere it cannot be reached at all: the build goes without, as the doctor says.
  return engineIsHere ? { buildargs, networkmode: 'host' } : { buildargs: {} };
}

/**
 * The proxy that kubectl and every other program on client-go uses for an https URL; undefined for none. Unlike Node's
 * client, Go takes HTTPS_PROXY alone, upper case first, never for loopback, and NO_PROXY may hold address ranges
 * (golang.org/x/net/http/httpproxy).
 */
export function clientGoProxyFor(environment: NodeJS.ProcessEnv, url: string): string | undefined {
  const value = (name: string): string => environment[name] || environment[name.toLowerCase()] || '';
  const { protocol, hostname } = new URL(url);
  const proxy = value('HTTPS_PROXY');
  if (proxy === '' || protocol !== 'https:' || isLoopback(hostname)) return undefined;
  const list = value('NO_PROXY');
  if (excludes(list, hostname) || inRanges(list, hostname)) return undefined;
  return proxy.includes('://') ? proxy : `http://${proxy}`;
}

/** Whether the host is an address in one of the ranges of a list, e.g. 10.0.0.0/8. */
function inRanges(list: string, hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '');
  return list.split(/[\s,]+/).some((entry) => networkHolds(entry, host));
}
