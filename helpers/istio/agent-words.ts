/** What keeps a sidecar from becoming ready, in the words of its own log. */
export interface Complaint {
  /** It cannot reach istiod, or Envoy rejects what istiod sends. */
  readonly kind: 'unreachable' | 'rejected';
  readonly words: string;
}

/**
 * pilot-agent and Envoy on their way to istiod. Seen live with 1.29.1:
 * - `… ca request failed, starting attempt 2 in …: create certificate: rpc error: code = Unavailable desc = connection
 *   error: desc = "transport: Error while dialing: dial tcp: lookup istiod.istio-system.svc: no such host"`
 * - `… failed to connect to upstream istiod.istio-system.svc:15012: …`
 */
const unreachable =
  /\b(Error while dialing:.*|failed to connect to upstream.*|no such host.*|i\/o timeout.*|connection refused.*|do connect handshake.*|certificate signed by unknown authority.*|Proxy Authentication Required.*)/;
const aboutIstiod = /istiod|xds|\bca\b|cert|upstream|15012|Unavailable|sds/i;
const rejected = /config for \S*?(Cluster|Listener|RouteConfiguration|\w+) rejected: (.*)/;
const rejectedByCount = /config received from XDS server, but was rejected: (.*)/;

/**
 * The last complaint in a log of istio-proxy; undefined where there is none, or istiod was reached after it.
 * @param log The container's output
 */
export function complaintOf(log: string): Complaint | undefined {
  let counted: Complaint | undefined;
  // A message may have several lines: each begins with its time.
  for (const message of log.split(/\n(?=(?:\d{4}-\d\d-\d\dT|\[\d{4}-|\{"))/).reverse()) {
    if (/connected to( delta)? upstream XDS server/.test(message)) return counted;
    const count = rejectedByCount.exec(message)?.[1];
    if (count !== undefined) counted ??= { kind: 'rejected', words: inShort(count) };
    const refused = rejected.exec(message);
    if (refused !== null) {
      const [, name] = /^\s*name: "(outbound[^"]*)"/m.exec(message) ?? /\(s\) (\S+?): /.exec(message) ?? [];
      const what = [refused[1] ?? '', ...(name === undefined ? [] : [name])].join(' ');
      return { kind: 'rejected', words: `${what}: ${reasonIn(message, refused[2] ?? '')}` };
    }
    const found = unreachable.exec(message);
    if (found !== null && aboutIstiod.test(message)) {
      return { kind: 'unreachable', words: inShort(found[1] ?? '') };
    }
  }
  return counted;
}

/** Envoy prints the whole message that it rejects before it says why, in its last line. */
function reasonIn(message: string, first: string): string {
  const lines = message
    .replace(/\s*thread=\d+\s*$/, '')
    .trimEnd()
    .split('\n');
  if (lines.length > 1) return inShort((lines.at(-1) ?? '').replace(/^[}\s]*:\s*/, ''));
  return inShort(first.replace(/^Error adding\/updating \w+\(s\) \S+: /, ''));
}

function inShort(words: string): string {
  return words
    .replace(/\t.*$/, '')
    .replace(/\{via_upstream\}/g, '')
    .replace(/\\?"/g, '')
    .trim();
}

/** Variables that lead Go's and Envoy's clients through a proxy. */
const proxyVariables = /^(https?|all|no)_proxy$/i;

/** `HTTPS_PROXY=http://…` of a container's variables: pilot-agent heeds them on its way to istiod. */
export function proxyVariablesOf(
  env: readonly { readonly name: string; readonly value?: string }[] = [],
): string[] {
  return env
    .filter(({ name }) => proxyVariables.test(name))
    .map(({ name, value }) => `${name}=${(value ?? '…').replace(/\/\/[^@/]*@/, '//…@')}`);
}
