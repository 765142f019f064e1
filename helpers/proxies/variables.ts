/** The proxy variables. Some programs read the upper-case names, some the lower-case ones. */
export const proxyNames = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY'] as const;
export type ProxyName = (typeof proxyNames)[number];

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
export function inBothCases(environment: NodeJS.ProcessEnv): Record<string, string> {
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
