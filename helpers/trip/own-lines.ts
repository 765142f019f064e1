import { isFailure } from './parse-failure.ts';
import { parseProxyLine, userOf, withUser } from './squid.ts';

/** What the lines of a proxy that other people use are sorted by. */
export interface OwnLines {
  /** Hosts that the requests are for. */
  readonly hosts: readonly string[];
  /** Who the proxy takes the suite for; undefined where it asks nobody. */
  readonly user: string | undefined;
}

/** Stands for a line of another format: nobody knows what is in it, so it is not kept. */
export const foreignLine = '(a line that is not in Squid’s native format; its text is not kept)';

/**
 * Of a line of somebody else's proxy what may be kept, and stand in a report: nothing of other people's requests, and
 * never a user's name, which is half of a credential.
 * @returns undefined for a line that cannot be of the suite's requests
 */
export function ownLine(line: string, { hosts, user }: OwnLines): string | undefined {
  const text = line.toLowerCase();
  if (!hosts.some((host) => text.includes(host.toLowerCase()))) return undefined;
  if (isFailure(parseProxyLine(line))) return foreignLine;
  const logged = userOf(line);
  if (logged === undefined) return line;
  return user !== undefined && names(logged, user) ? withUser(line, '[user]') : undefined;
}

/** Proxies write it with its realm or domain, in their own case, and Squid escapes what is no plain character. */
function names(logged: string, user: string): boolean {
  return decoded(logged).toLowerCase().includes(user.toLowerCase());
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
