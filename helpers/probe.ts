import { Agent, EnvHttpProxyAgent, request, type Dispatcher } from 'undici';
import { messageOf } from './errors.ts';
import { timeouts } from './timeouts.ts';

export interface Probe {
  readonly url: string;
  readonly method?: Dispatcher.HttpMethod;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  /** Any HTTP status counts as an answer; undefined when none came. */
  readonly status: number | undefined;
  /** Why none came, e.g. `getaddrinfo ENOTFOUND …`; '' when one did. */
  readonly problem: string;
  /** Milliseconds that the clock of who answered is ahead of ours, by its Date header; undefined without one. */
  readonly clockAhead?: number | undefined;
}

/**
 * Asks all of them at once whether they answer at all, through the proxy that HTTP(S)_PROXY and NO_PROXY name.
 * All of it together takes `timeouts.probe` at most.
 * @param options.directly Without any proxy
 * @returns one answer a probe, in their order
 */
export async function probe(
  probes: readonly Probe[],
  { directly = false }: { readonly directly?: boolean } = {},
): Promise<Answer[]> {
  const dispatcher = directly ? new Agent({ connect: { timeout: timeouts.probe } }) : throughProxies();
  if (typeof dispatcher === 'string') return probes.map(() => ({ status: undefined, problem: dispatcher }));
  const signal = AbortSignal.timeout(timeouts.probe);
  try {
    return await Promise.all(
      probes.map(async ({ url, ...options }): Promise<Answer> => {
        try {
          const { statusCode, headers, body } = await request(url, { ...options, dispatcher, signal });
          const clockAhead = Date.parse(String(headers['date'])) - Date.now();
          await body.dump();
          return {
            status: statusCode,
            problem: '',
            ...(Number.isNaN(clockAhead) ? {} : { clockAhead }),
          };
        } catch (error) {
          return { status: undefined, problem: problemOf(error) };
        }
      }),
    );
  } finally {
    await dispatcher.destroy();
  }
}

/** Why there is none where a proxy variable holds something that is no URL. */
function throughProxies(): EnvHttpProxyAgent | string {
  try {
    return new EnvHttpProxyAgent({ connect: { timeout: timeouts.probe } });
  } catch (error) {
    return `the proxy variables cannot be used: ${messageOf(error)}`;
  }
}

function problemOf(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError')
    return `no answer in ${timeouts.probe / 1000} s`;
  return messageOf(error);
}
