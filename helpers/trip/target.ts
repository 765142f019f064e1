/**
 * What Squid logs as the target of a request for a URL: `host:port` for https, which goes by CONNECT, the URL itself
 * for http. IPv6 hosts keep their brackets.
 * @throws TypeError when the URL is not valid, or neither http nor https.
 */
export function targetOf(url: string): string {
  const parsed = new URL(url);
  if (parsed.protocol === 'http:') return parsed.href;
  if (parsed.protocol !== 'https:') throw new TypeError(`neither http nor https: ${url}`);
  return `${parsed.hostname}:${parsed.port || '443'}`;
}
