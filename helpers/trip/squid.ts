import { isIP } from 'node:net';
import { failure, isFailure, parseCount, type ParseFailure, type ProxyStatement } from './statements.ts';

/**
 * Squid's native access log, `logformat squid`:
 * `%ts.%03tu %6tr %>a %Ss/%03>Hs %<st %rm %ru %[un %Sh/%<a %mt`
 * (https://www.squid-cache.org/Doc/config/logformat/). Only the elapsed time is padded, with blanks on its left.
 */
const native =
  /^(?<seconds>\d{1,11})\.(?<millis>\d{3}) +(?<elapsed>\d{1,12}) (?<client>\S+) (?<result>[A-Z][A-Z_]*)\/(?<status>\d{3}) (?<bytes>\d{1,15}) (?<method>\S+) (?<target>\S+) (?<user>\S+) (?<hierarchy>[A-Z][A-Z0-9_]*)\/(?<peer>\S+) (?<type>\S+)$/;

/** A line of Squid's access log in its native format, or why it is none. Never throws. */
export function parseProxyLine(line: string): ProxyStatement | ParseFailure {
  const text = line.trimEnd();
  if (text.trim() === '') return failure('empty', 'an empty line', line);
  const groups = native.exec(text)?.groups;
  if (groups === undefined) {
    return /^\d+\.\d{3} /.test(text)
      ? failure('foreign-format', "an access log line, not in Squid's native format", line)
      : failure('application-log', 'no access log line', line);
  }
  const { seconds = '', millis = '', elapsed, client = '', status, bytes, peer = '-' } = groups;
  const elapsedMs = parseCount(elapsed);
  const bytesCount = parseCount(bytes);
  const statusCode = parseCount(status);
  if (elapsedMs === undefined || bytesCount === undefined || statusCode === undefined) {
    return failure('foreign-format', 'a number in it is out of range', line);
  }
  // With log_fqdn or a log_uses_indirect_client set-up a name can stand here, which nothing can be matched to.
  if (isIP(client) === 0) return failure('foreign-format', `its client is ${client}, not an address`, line);
  return {
    witness: 'proxy',
    line: text,
    endedAt: Number(seconds) * 1000 + Number(millis),
    elapsedMs,
    clientIp: client,
    result: groups['result'] ?? '',
    status: statusCode,
    bytes: bytesCount,
    method: groups['method'] ?? '',
    target: groups['target'] ?? '',
    hierarchy: groups['hierarchy'] ?? '',
    peer: peer === '-' ? undefined : peer.replace(/^\[(.*)\]$/, '$1'),
  };
}

/** The user that a line in Squid's native format names: who the proxy took the client for. Undefined for `-`. */
function userOf(line: string): string | undefined {
  const user = native.exec(line.trimEnd())?.groups?.['user'];
  return user === '-' ? undefined : user;
}

function withUser(line: string, name: string): string {
  const text = line.trimEnd();
  const [start, end] = new RegExp(native.source, 'd').exec(text)?.indices?.groups?.['user'] ?? [];
  return start === undefined || end === undefined ? line : `${text.slice(0, start)}${name}${text.slice(end)}`;
}

/** `TCP_TUNNEL/200`, as the log has it. */
export function proxyResult(statement: Pick<ProxyStatement, 'result' | 'status'>): string {
  return `${statement.result}/${String(statement.status).padStart(3, '0')}`;
}

/**
 * `HTTP/1.1 200 Connection established` and the blank line: Squid's whole answer to CONNECT. Squid 3.5, which the
 * document uses, leaves these 39 bytes out of the size it logs; since Squid 4 they are in it
 * (`tunnelConnectedWriteDone` in src/tunnel.cc, 3.5.23 against 4 and 5; 5.7 seen live).
 */
export const connectAnswerBytes = 39;

/** Whether the sidecar's bytes sent to the client and the size Squid logged are the same bytes. */
export function bytesAgree(sidecarBytesSent: number, proxyBytes: number): boolean {
  const difference = sidecarBytesSent - proxyBytes;
  return difference === 0 || difference === connectAnswerBytes;
}

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

/** How the suite's own lines are recognised in the log of a proxy that others use too. */
interface OwnLines {
  readonly hosts: readonly string[];
  /** The suite's user at the proxy; undefined where the proxy asks for none. */
  readonly user: string | undefined;
}

/** Replaces a line of another format: what is in it is not known, so it is not kept. */
export const foreignLine = '(a line that is not in Squid’s native format; its text is not kept)';

/**
 * What may be kept, and shown in a report, of a line of a proxy that others use too: nothing of their requests, and
 * never a user's name, which is half of a credential.
 * @returns undefined for a line that cannot be of the suite's requests
 */
export function ownLine(line: string, { hosts, user }: OwnLines): string | undefined {
  const text = line.toLowerCase();
  if (!hosts.some((host) => text.includes(host.toLowerCase()))) return undefined;
  if (isFailure(parseProxyLine(line))) return foreignLine;
  const logged = userOf(line);
  if (logged === undefined) return line;
  // Proxies write it with its realm or domain, in their own case, and Squid escapes what is no plain character.
  return user !== undefined && decoded(logged).toLowerCase().includes(user.toLowerCase())
    ? withUser(line, '[user]')
    : undefined;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
