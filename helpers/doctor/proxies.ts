import { once } from 'node:events';
import { connect } from 'node:net';
import { messageOf } from '../errors.ts';
import {
  excludes,
  isLoopback,
  proxyUrl,
  withoutCredentials,
  type ProxyVariable,
} from '../proxies/variables.ts';
import { timeouts } from '../timeouts.ts';
import { failed, ok, warning, type Finding } from './check.ts';

export interface EngineAddress {
  /** Undefined at a socket of this machine. */
  readonly engineHost: string | undefined;
  /** Containers run on this machine's kernel: it has a loopback that a build can be given. */
  readonly engineIsHere: boolean;
}

const address = 'Write it as http://HOST:PORT.';

/** What is wrong with the proxy variables as they are set, without asking anybody. */
export function proxyFindings(environment: NodeJS.ProcessEnv, engine: EngineAddress): Finding[] {
  // As Node, curl and apt do.
  const value = (name: string): string => environment[name.toLowerCase()] || environment[name] || '';
  const findings: Finding[] = [];
  const proxies = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY'].flatMap((name) =>
    value(name) === '' ? [] : [{ name, value: value(name) }],
  );
  for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY']) {
    const [lower = '', upper = ''] = [environment[name.toLowerCase()], environment[name]];
    if (lower === '' || upper === '' || lower === upper) continue;
    findings.push(
      warning(
        `${name.toLowerCase()} (${withoutCredentials(lower)}) and ${name} (${withoutCredentials(upper)}) differ: Node, curl and apt take the first, Go the second`,
        'Set both to the same value, or only one of them.',
      ),
    );
  }
  for (const proxy of proxies) {
    const url = proxyUrl(proxy.value);
    const said = `${proxy.name}=${withoutCredentials(proxy.value)}`;
    if (url === undefined) {
      findings.push(
        proxy.name === 'ALL_PROXY'
          ? warning(`${said} is not the URL of a proxy`, address)
          : failed(`${said} is not the URL of a proxy`, address),
      );
    } else if (isLoopback(url.hostname) && !engine.engineIsHere) {
      findings.push(
        warning(
          `${said} is on this machine's loopback, which the engine's containers do not reach: their builds use no proxy`,
          "Name the proxy by an address that the engine's machine reaches, e.g. http://host.docker.internal:PORT.",
        ),
      );
    }
  }
  const named = proxies.map(({ name }) => name);
  if (named.includes('ALL_PROXY') && !named.includes('HTTPS_PROXY')) {
    findings.push(
      warning(
        'curl reads ALL_PROXY, but Node, Go, apt and the engine do not',
        'Set HTTPS_PROXY and HTTP_PROXY as well.',
      ),
    );
  } else if (named.includes('HTTP_PROXY') && !named.includes('HTTPS_PROXY')) {
    findings.push(
      warning(
        'HTTP_PROXY is set and HTTPS_PROXY is not: registries and modules are reached directly',
        'Set HTTPS_PROXY as well; it is usually the same proxy.',
      ),
    );
  }
  if (proxies.length > 0) findings.push(...excluded(value('NO_PROXY'), engine.engineHost));
  return findings;
}

/** An engine across the network must not be asked through a proxy; this machine's own loopback Go never asks so. */
function excluded(list: string, engineHost: string | undefined): Finding[] {
  if (engineHost === undefined || isLoopback(engineHost) || excludes(list, engineHost)) return [];
  return [
    warning(
      `NO_PROXY does not name ${engineHost}: docker and kubectl would reach the engine and its clusters through the proxy`,
      `NO_PROXY=${[...list.split(/[\s,]+/).filter((entry) => entry !== ''), engineHost].join(',')}`,
    ),
  ];
}

export async function proxyAnswers(variables: readonly ProxyVariable[]): Promise<Finding[]> {
  const urls = variables
    .filter(({ name }) => name !== 'NO_PROXY')
    .flatMap(({ value }) => proxyUrl(value) ?? []);
  const addresses = new Map(urls.map((url) => [url.host, url]));
  return Promise.all(
    [...addresses.values()].map(async (url) => {
      const port = Number(url.port) || { 'http:': 80, 'https:': 443 }[url.protocol] || 1080;
      const problem = await whyClosed(url.hostname.replace(/^\[|\]$/g, ''), port);
      if (problem === undefined) return ok(url.host);
      return warning(
        `The proxy ${url.host} does not answer: ${problem}`,
        'Start it, correct the variable, or unset it: pulls and builds go through it.',
      );
    }),
  );
}

async function whyClosed(host: string, port: number): Promise<string | undefined> {
  const limit = AbortSignal.timeout(timeouts.probe);
  const socket = connect({ host, port });
  try {
    await once(socket, 'connect', { signal: limit });
    return undefined;
  } catch (error) {
    return limit.aborted ? `no answer within ${timeouts.probe / 1000} s` : messageOf(error);
  } finally {
    socket.destroy();
  }
}

/** The engine pulls through its own proxy setting, not through this process's variables. */
export function engineProxyFinding(
  info: { readonly HttpProxy: string; readonly HttpsProxy: string; readonly NoProxy: string },
  environment: NodeJS.ProcessEnv,
  imagesAreHere: boolean,
): Finding {
  const own = info.HttpsProxy || info.HttpProxy;
  const here = environment['https_proxy'] || environment['HTTPS_PROXY'] || '';
  if (own !== '') return ok(`the engine pulls through ${withoutCredentials(own)}`);
  if (here === '' || imagesAreHere) return ok('the engine pulls without a proxy');
  return warning(
    'HTTPS_PROXY is set here, but the engine pulls without a proxy: it has its own settings',
    'Give it the proxy: "proxies" in /etc/docker/daemon.json (Docker 23 and later), Environment= of its service, or Docker Desktop: Settings, Resources, Proxies.',
  );
}
