import { isIP, isIPv6 } from 'node:net';

export interface Endpoint {
  readonly ip: string;
  readonly port: number;
}

const bracketed = /^\[([^\]]+)\]:(\d{1,5})$/;
const plain = /^([^:[\]]+):(\d{1,5})$/;

/**
 * `10.42.0.5:3128` or `[::1]:80` in parts; undefined for anything else (`-`, a name, `envoy://…`, port 0 or > 65535).
 * Envoy brackets every IPv6 address it prints, so an unbracketed one is not an endpoint.
 */
export function parseEndpoint(text: string): Endpoint | undefined {
  const v6 = bracketed.exec(text);
  const match = v6 ?? plain.exec(text);
  const ip = match?.[1];
  const port = Number(match?.[2]);
  if (ip === undefined || !Number.isInteger(port) || port < 1 || port > 65535) return undefined;
  if (isIP(ip) !== (v6 ? 6 : 4)) return undefined;
  return { ip, port };
}

/** `10.42.0.5:3128`, `[::1]:80`: the inverse of {@link parseEndpoint}. */
export function formatEndpoint(endpoint: Endpoint): string {
  return endpoint.ip.includes(':') ? `[${endpoint.ip}]:${endpoint.port}` : `${endpoint.ip}:${endpoint.port}`;
}

/** One spelling an address, to look it up by: IPv6 compressed and in lower case, an IPv4-mapped one as IPv4. */
export function ipKey(ip: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)?.[1];
  if (mapped !== undefined) return mapped;
  // A zone (`fe80::1%eth0`) is local to the host that wrote it; URL refuses it, so it stays as written.
  if (!isIPv6(ip) || ip.includes('%')) return ip;
  return new URL(`http://[${ip}]/`).hostname.slice(1, -1);
}

/** The same text for every spelling of an endpoint, to look it up by. */
export function endpointKey({ ip, port }: Endpoint): string {
  return `${ipKey(ip)} ${port}`;
}

/** Whether two texts name the same address, however IPv6 is spelled. Witnesses spell it differently. */
export function sameIp(a: string, b: string): boolean {
  return ipKey(a) === ipKey(b);
}

/**
 * Whether an endpoint is the proxy that the client was given: the very one, or another one of its name.
 * @param trip `given` is set where the user gave the proxy
 */
export function isProxy(
  {
    via,
    given = [],
  }: { readonly via: Endpoint | undefined; readonly given?: readonly Endpoint[] | undefined },
  endpoint: Endpoint | undefined,
): boolean {
  return via !== undefined && [via, ...given].some((own) => sameEndpoint(own, endpoint));
}

/** Whether two endpoints are the same; an unknown one equals none, not even another unknown one. */
export function sameEndpoint(a: Endpoint | undefined, b: Endpoint | undefined): boolean {
  return a !== undefined && b !== undefined && a.port === b.port && sameIp(a.ip, b.ip);
}
