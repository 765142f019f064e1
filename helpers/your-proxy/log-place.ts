import { resolve } from 'node:path';
import { UsageError } from '../errors.ts';

/** Where the access log of a user's proxy is. */
export type ProxyLog =
  | { readonly kind: 'file'; readonly told: string; readonly path: string }
  | {
      readonly kind: 'pod';
      readonly told: string;
      readonly namespace: string;
      readonly pod: string;
      /** Its only one when not given. */
      readonly container: string | undefined;
      /** File in that container; its output when not given. */
      readonly path: string | undefined;
    };

/**
 * `--proxy-log` in parts: a path that begins with `/`, `./`, `../` or has no slash is a file of this machine, anything
 * else `namespace/pod[/container][:/path]`.
 * @throws UsageError when it is neither
 */
export function parseProxyLog(told: string): ProxyLog {
  if (told === '') throw wrong(told, 'it is empty');
  if (/^(?:\/|\.\.?\/)/.test(told) || !told.includes('/')) return { kind: 'file', told, path: resolve(told) };
  const colon = told.indexOf(':');
  const path = colon < 0 ? undefined : told.slice(colon + 1);
  const [namespace = '', pod = '', container, ...more] = (colon < 0 ? told : told.slice(0, colon)).split('/');
  if (path !== undefined && !path.startsWith('/')) throw wrong(told, 'its path does not begin with /');
  const names = [namespace, pod, ...(container === undefined ? [] : [container])];
  if (more.length > 0 || names.some((name) => !/^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/.test(name))) {
    throw wrong(told, 'it is no namespace/pod[/container][:/path]');
  }
  return { kind: 'pod', told, namespace, pod, container, path };
}

function wrong(told: string, why: string): UsageError {
  return new UsageError(
    `--proxy-log ${told}: ${why}`,
    'Say a file of this machine (/path, ./path), or namespace/pod[/container][:/path] in the cluster.',
  );
}
