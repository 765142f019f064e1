import type { KubernetesObject } from '@kubernetes/client-node';
import type { Kube } from '../kube/client.ts';
import { compileLog, logSinks, type CompiledLog, type LogFormat } from '../trip/access-log-format.ts';
import type { Endpoint } from '../trip/endpoint.ts';
import { defaultTextFormats, parseSidecarLine, type ReadSidecarLine } from '../trip/envoy.ts';
import { dumpEntries, type SidecarPod } from './sidecar.ts';
import { takerOf } from './taker.ts';

/** The access log of one sidecar: how its lines are read, or why they cannot testify to a connection. */
export type AccessLog =
  | {
      readonly kind: 'readable';
      readonly read: ReadSidecarLine;
      readonly isDefault: boolean;
      /** Lines tell what the mesh calls a cluster, which may be another name than its own. */
      readonly callsClusters: boolean;
    }
  /** `off`: nothing is written to the container's log, or only some connections are. */
  | { readonly kind: 'off' | 'elsewhere' | 'unreadable'; readonly why: string };

/** The access log that Envoy writes for connections to an endpoint now. */
export async function accessLogOf(kube: Kube, pod: SidecarPod, to: Endpoint): Promise<AccessLog> {
  return accessLogIn(await dumpEntries(kube, pod, 'dynamic_listeners'), to);
}

export const accessLogTelemetryName = 'conformance-access-log';

/**
 * Istio's access log for the suite's own pods of a namespace, where the mesh writes none.
 * @param labels Those of the pods: what Telemetry resources say for the whole namespace does not count for them then
 */
export function accessLogTelemetry(
  namespace: string,
  labels: Readonly<Record<string, string>>,
): KubernetesObject {
  const telemetry = {
    apiVersion: 'telemetry.istio.io/v1',
    kind: 'Telemetry',
    metadata: { name: accessLogTelemetryName, namespace },
    spec: {
      selector: { matchLabels: labels },
      accessLogging: [{ providers: [{ name: 'envoy' }], disabled: false }],
    },
  };
  return telemetry;
}

/** An address that no listener is for (RFC 5737): what takes it, takes all the rest. */
const nowhere: Endpoint = { ip: '192.0.2.1', port: 9 };

/**
 * As Envoy's listeners have it, whichever of meshConfig, Telemetry resources and their providers it came from.
 * @param entries Of the dump of dynamic listeners
 */
export function accessLogIn(entries: readonly unknown[], to: Endpoint): AccessLog {
  const [handling] = [to, nowhere].flatMap((endpoint) => {
    const found = takerOf(entries, endpoint)?.handling;
    return found !== undefined && 'accessLogs' in found ? [found] : [];
  });
  const sinks = logSinks(handling?.accessLogs ?? []);
  const logsEarly = handling?.kind === 'tcp' && handling.logsEarly;
  if (sinks.length === 0) return { kind: 'off', why: 'Envoy writes no access log for these connections' };
  const here = sinks.filter(({ to: where }) => where === 'stdout');
  if (here.length === 0) {
    return {
      kind: 'elsewhere',
      why: `Envoy sends its access log to ${sinks.map(({ name }) => name).join(', ')}`,
    };
  }
  const whole = here.filter(({ filtered }) => !filtered);
  if (whole.length === 0)
    return { kind: 'off', why: 'Envoy writes some connections only into its access log' };
  const problems: string[] = [];
  for (const { format } of whole) {
    if (format === undefined) continue;
    if (isDefault(format)) {
      const callsClusters = String(format.format).includes('%UPSTREAM_CLUSTER%');
      return { kind: 'readable', read: parseSidecarLine, isDefault: true, callsClusters };
    }
    const found = compiled(format, logsEarly);
    if (typeof found === 'string') problems.push(found);
    else return { kind: 'readable', read: found.parse, isDefault: false, callsClusters: found.callsClusters };
  }
  return { kind: 'unreadable', why: problems.join('; ') };
}

/** Istio's own, whose lines are told apart though a header in them could be anything. */
function isDefault({ encoding, format }: LogFormat): boolean {
  if (encoding !== 'text' || typeof format !== 'string') return false;
  const raw = format.replace('%UPSTREAM_CLUSTER%', '%UPSTREAM_CLUSTER_RAW%');
  return [format, raw].some((text) => Object.values<string>(defaultTextFormats).includes(text));
}

const known = new Map<string, CompiledLog>();

/**
 * How lines of the format are read, or why they cannot be.
 * @param logsEarly A line is written while the connection is open too; it has no duration yet, which tells it from the last
 */
function compiled(format: LogFormat, logsEarly: boolean): CompiledLog | string {
  try {
    // One reader of a format: who asks several sidecars, or one again, tries each line once.
    const key = JSON.stringify(format);
    const log = known.get(key) ?? compileLog(format);
    known.set(key, log);
    const { missing, untold, ambiguous } = log;
    // A line that does not tell the cluster does not tell the way: without the entry the proxy may be reached as well.
    const needed = [
      ...missing.filter((one) => !one.includes('%UPSTREAM_CLUSTER_RAW%')),
      ...(untold.includes('upstreamCluster') ? ['%UPSTREAM_CLUSTER_RAW%'] : []),
      ...(logsEarly && untold.includes('duration') ? ['%DURATION%'] : []),
    ];
    if (needed.length > 0) return `the access log's format lacks ${needed.join(', ')}`;
    return ambiguous ?? log;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return `the access log's format cannot be read: ${error.message}`;
  }
}
