import { jsonIn } from '../errors.ts';
import { z } from 'zod';
import { formatEndpoint, parseEndpoint } from './endpoint.ts';
import { failure, type OriginStatement, parseCount, type ParseFailure } from './statements.ts';
import manifest from '../../package.json' with { type: 'json' };

/**
 * nginx's `log_format` for our own origin; use it as `access_log … ${originLogFormatName}`. Every value is a JSON
 * string, as `$status` can be `000`, which is no JSON number. `$msec` is the time the line is written, seconds
 * since the epoch with ms (https://nginx.org/en/docs/http/ngx_http_log_module.html).
 */
export const originLogFormatName = 'origin';
export const originLogFormat = [
  `log_format ${originLogFormatName} escape=json`,
  `  '{"time":"$msec","remote_addr":"$remote_addr","remote_port":"$remote_port","host":"$host",'`,
  `  '"request":"$request","status":"$status","bytes":"$body_bytes_sent",'`,
  `  '"user_agent":"$http_user_agent","server_name":"$ssl_server_name"}';`,
].join('\n');

const shape = z.object({
  time: z.string().regex(/^\d{1,11}\.\d{3}$/),
  remote_addr: z.string(),
  remote_port: z.string(),
  host: z.string(),
  request: z.string(),
  status: z.string().regex(/^\d{3}$/),
  bytes: z.string().regex(/^\d{1,15}$/),
  user_agent: z.string(),
  server_name: z.string(),
});

/** A line of the origin's access log in {@link originLogFormat}, or why it is none. Never throws. */
export function parseOriginLine(line: string): OriginStatement | ParseFailure {
  const text = line.trimEnd();
  if (text.trim() === '') return failure('empty', 'an empty line', line);
  if (!text.startsWith('{'))
    return failure('application-log', "no access log line: nginx's own message", line);
  const parsed = shape.safeParse(jsonIn(text));
  if (!parsed.success) {
    const fields = parsed.error.issues.map((issue) => issue.path.join('.') || 'the whole line');
    return failure('json', `a JSON line of another shape: ${[...new Set(fields)].join(', ')}`, line);
  }
  const record = parsed.data;
  const remote = parseEndpoint(formatEndpoint({ ip: record.remote_addr, port: Number(record.remote_port) }));
  if (remote === undefined) {
    return failure('json', `its client is ${record.remote_addr} port ${record.remote_port}`, line);
  }
  const [seconds = '', millis = ''] = record.time.split('.');
  return {
    witness: 'origin',
    line: text,
    endedAt: Number(seconds) * 1000 + Number(millis),
    remote,
    tripId: tripIdOf(record.user_agent),
    host: record.host,
    serverName: record.server_name,
    request: record.request,
    status: parseCount(record.status) ?? 0,
    bytes: parseCount(record.bytes) ?? 0,
  };
}

const product = manifest.name;
/** Wikimedia limits default user agents, and wants to know what sends the requests and where to read about it. */
const homepage = 'https://istio.io/latest/docs/tasks/traffic-management/egress/http-proxy/';

/** What an id may be made of: it stands in a shell command, in a header and in a log line, unquoted. */
const idPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const inAgent = /(?:^|\s)trip\/([A-Za-z0-9][A-Za-z0-9._-]{0,63})(?=\s|$)/g;

/**
 * `istio-external-proxy-conformance/<version> (+<url>) trip/<id>`.
 * @throws RangeError when the id has other characters than letters, digits, `.`, `_`, `-`, or more than 64.
 */
export function userAgent(tripId: string): string {
  if (!idPattern.test(tripId)) throw new RangeError(`not a trip id: ${JSON.stringify(tripId)}`);
  return `${product}/${manifest.version} (+${homepage}) trip/${tripId}`;
}

/** The trip id in a user agent; undefined when it is not ours, or names more than one trip. */
export function tripIdOf(agent: string): string | undefined {
  if (!agent.startsWith(`${product}/`)) return undefined;
  const ids = [...agent.matchAll(inAgent)].map((match) => match[1]);
  return ids.length === 1 ? ids[0] : undefined;
}
