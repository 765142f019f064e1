import { probe } from '../probe.ts';
import { withoutCredentials } from '../proxies/variables.ts';
import { timeouts } from '../timeouts.ts';

/** What a destination answers from here, and which way. */
export interface Reach {
  /** `directly`, or only through the proxy that this process's variables name; undefined: not at all. */
  readonly way: 'directly' | 'through the proxy' | undefined;
  readonly because: string;
}

/**
 * Which way a destination answers from here, within `timeouts.probe`. The probe is a HEAD: what counts is an answer,
 * whatever it says.
 * @param proxy The proxy that this process uses for it, undefined for none
 */
export async function reachFromHere(url: string, proxy: string | undefined): Promise<Reach> {
  const { host } = new URL(url);
  // Wikimedia limits clients that do not say who they are.
  const headers = { 'user-agent': 'istio-external-proxy-conformance (reachability probe)' };
  const probes = [{ url, method: 'HEAD', headers }] as const;
  const [[direct], [proxied]] = await Promise.all([
    probe(probes, { directly: true }),
    proxy === undefined ? [undefined] : probe(probes),
  ]);
  if (direct?.status !== undefined) {
    return { way: 'directly', because: `${host} answered ${direct.status} from here` };
  }
  const named = proxy === undefined ? '' : withoutCredentials(proxy);
  if (proxied?.status !== undefined) {
    return {
      way: 'through the proxy',
      because: `${host} answered ${proxied.status} through this machine's proxy ${named} alone`,
    };
  }
  const limit = `within ${timeouts.probe / 1000} s`;
  const tried = [direct?.problem, proxied === undefined ? undefined : `through ${named}: ${proxied.problem}`];
  const problems = tried.filter((one) => one !== undefined).join('; ');
  return { way: undefined, because: `${host} does not answer from here ${limit} (${problems})` };
}
