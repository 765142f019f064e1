import { authorityVariables } from './authorities.ts';
import { inBothCases, isLoopback, proxyUrl, proxyVariables } from './variables.ts';

/** What the tools of a build need besides their environment to go through the proxy, and trust the CA, that Node was told of. */
export async function buildVariables(environment: NodeJS.ProcessEnv): Promise<Record<string, string>> {
  return { ...inBothCases(environment), ...(await authorityVariables(environment)) };
}

/** How an engine's build reaches the proxy. */
export interface BuildProxy {
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
