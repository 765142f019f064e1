import manifest from '../../package.json' with { type: 'json' };

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
export function userAgent(tripId: string, version = manifest.version): string {
  if (!idPattern.test(tripId)) throw new RangeError(`not a trip id: ${JSON.stringify(tripId)}`);
  return `${product}/${version} (+${homepage}) trip/${tripId}`;
}

/** The trip id in a user agent; undefined when it is not ours, or names more than one trip. */
export function tripIdOf(agent: string): string | undefined {
  if (!agent.startsWith(`${product}/`)) return undefined;
  const ids = [...agent.matchAll(inAgent)].map((match) => match[1]);
  return ids.length === 1 ? ids[0] : undefined;
}
