import { EnvHttpProxyAgent, request } from 'undici';
import { messageOf } from '../errors.ts';
import { timeouts } from '../timeouts.ts';
import { registryHost } from './reference.ts';

export interface Reachability {
  readonly registry: string;
  readonly reachable: boolean;
  /** Why not, e.g. `getaddrinfo ENOTFOUND …`; '' when it is reachable. */
  readonly problem: string;
}

/**
 * Whether each registry answers at all, through the proxy that HTTP(S)_PROXY and NO_PROXY name. Any HTTP answer
 * counts, 401 included: that is how Docker Hub greets strangers. All of it together takes `timeouts.probe` at most.
 */
export async function probeRegistries(registries: readonly string[]): Promise<Reachability[]> {
  const dispatcher = new EnvHttpProxyAgent({ connect: { timeout: timeouts.probe } });
  const signal = AbortSignal.timeout(timeouts.probe);
  try {
    return await Promise.all(
      registries.map(async (registry): Promise<Reachability> => {
        try {
          const answer = await request(`https://${registryHost(registry)}/v2/`, { dispatcher, signal });
          await answer.body.dump();
          return { registry, reachable: true, problem: '' };
        } catch (error) {
          return { registry, reachable: false, problem: problemOf(error) };
        }
      }),
    );
  } finally {
    await dispatcher.destroy();
  }
}

function problemOf(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError')
    return `no answer in ${timeouts.probe / 1000} s`;
  // Node tries every address of a name and then reports them all, with an empty message.
  if (error instanceof AggregateError) return error.errors.map(messageOf).join(', ');
  return messageOf(error);
}
