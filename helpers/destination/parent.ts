import { UsageError } from '../errors.ts';
import { isLoopback, proxyUrl, withoutCredentials } from '../proxies/variables.ts';

/** The company's proxy that the suite's own Squid hands everything on to. */
export interface ParentProxy {
  readonly host: string;
  readonly port: number;
  /** `user:password` as Squid takes it, percent signs and all; a secret. */
  readonly login: string | undefined;
}

/**
 * The parent that a proxy variable names.
 * @param cluster Whether the cluster is the run's own, or one that others read in
 * @throws UsageError where Squid in a cluster cannot use it, and for a login that would stand in a ConfigMap of others' cluster
 */
export function parentOf(variable: string, cluster: 'own' | 'existing'): ParentProxy {
  const url = proxyUrl(variable);
  const said = withoutCredentials(variable);
  if (url?.protocol !== 'http:') {
    throw new UsageError(
      `--target live: Squid cannot have ${said} as its parent, which is not an http:// proxy`,
      'Run with --target hermetic, or name a proxy by http://HOST:PORT.',
    );
  }
  if (isLoopback(url.hostname)) {
    throw new UsageError(
      `--target live: the cluster does not reach ${said}, which is on this machine's loopback`,
      'Run with --target hermetic, or name the proxy by an address that containers reach.',
    );
  }
  const { username, password, hostname, port } = url;
  if (cluster === 'existing' && username !== '') {
    throw new UsageError(
      `--target live: Squid would need the login of ${said} in a ConfigMap, which others of an existing cluster can read`,
      'Run with --target hermetic, or name that proxy by --proxy: its credentials come from the environment and are never stored there.',
    );
  }
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port || 80),
    // Squid decodes %xx itself, and a URL has them encoded: blanks cannot end the option.
    login: username === '' ? undefined : `${username}:${password}`,
  };
}

/** What is added to the document's squid.conf for a parent, '' for none. Squid: cache_peer, never_direct. */
export function parentConfiguration(parent: ParentProxy | undefined): string {
  if (parent === undefined) return '';
  const { host, port, login } = parent;
  const option = login === undefined ? '' : ` login=${login}`;
  return `\ncache_peer ${host} parent ${port} 0 no-query no-digest default${option}\nnever_direct allow all\n`;
}

/** A squid.conf without the secret in it, for messages and evidence. */
export function withoutLogin(configuration: string): string {
  return configuration.replaceAll(/(\blogin=)\S+/g, '$1…');
}
