import { captureOf, notCaptured } from '../../helpers/istio/capture.ts';
import { interceptsNothing, listeners } from '../../helpers/istio/sidecar.ts';
import { nameOf } from '../../helpers/kube/client.ts';
import { flagsOf } from '../../helpers/trip/envoy-values.ts';
import type { CauseCode } from '../../helpers/causes/causes.ts';
import type { Finding } from '../../helpers/trip/finding.ts';
import type { Proxy } from '../../helpers/proxy/proxy.ts';
import { formatEndpoint } from '../../helpers/trip/endpoint.ts';
import type { Trip } from '../../helpers/trip/statements.ts';
import { carrierOf, rejectedFor, rejection, type Told } from './carrier.ts';
import { judgedEntries } from './judged-entries.ts';
import { others, sourcePod } from './others.ts';
import { isHandedOn, listenerOn } from './sidecar.ts';
import type { World } from './world.ts';

/** A question to the cluster that can turn a symptom into its cause. */
export interface Question {
  /** Symptoms it can explain. */
  readonly of: readonly CauseCode[];
  /** Asked only where the proxy is of this kind. */
  readonly proxy?: Proxy['kind'];
  readonly ask: (world: World, first: Finding) => Promise<Finding | undefined>;
  /** It names suspects, not the cause, so it never comes first. */
  readonly besides?: true;
}

const captured = 'a pod whose traffic to the proxy is redirected to its sidecar';

/** How a request can have missed the sidecar, or its log. */
export const onTheWayToTheSidecar: readonly Question[] = [
  {
    // Its listeners may lack the right to bind to ports, and it is never ready then.
    of: ['NO_SIDECAR_STATEMENT', 'STALE_ONLY', 'LISTENER_MISSING', 'WORKLOAD_NOT_READY'],
    ask: async (world) => {
      const pod = await sourcePod(world);
      if (pod === undefined || !interceptsNothing(pod)) return undefined;
      const key = 'sidecar.istio.io/interceptionMode';
      const annotated = pod.metadata?.annotations?.[key] !== undefined;
      const by = annotated ? `the annotation ${key} of the pod` : 'meshConfig.defaultConfig.interceptionMode';
      return {
        cause: 'NOT_CAPTURED',
        seen: `the sidecar's interception mode is NONE, by ${by}: nothing is redirected to it`,
        expected: captured,
      };
    },
  },
  {
    of: [
      'LISTENER_MISSING',
      'LISTENER_DIFFERS',
      'PASSTHROUGH',
      'BLACKHOLE',
      'WRONG_CLUSTER',
      'ROUTE_NOT_FOUND',
      'NO_SIDECAR_STATEMENT',
    ],
    ask: async (world) => {
      const pod = world.sourcePod.known();
      const port = world.proxyPort.known();
      if (pod === undefined || port === undefined) return undefined;
      return rejection(world, await rejectedFor(world, pod, port));
    },
  },
  {
    of: ['NO_SIDECAR_STATEMENT', 'STALE_ONLY'],
    ask: (world) => Promise.resolve(world.givenClient === undefined ? undefined : otherPort(world.trips())),
  },
  {
    of: ['NO_SIDECAR_STATEMENT', 'STALE_ONLY', 'SIDECAR_MISSING'],
    ask: async (world) => {
      const pod = await sourcePod(world);
      const annotated = Object.entries(pod?.metadata?.annotations ?? {}).filter(([key]) =>
        /^traffic\.sidecar\.istio\.io\/(exclude|include)Outbound/.test(key),
      );
      const capture = pod === undefined ? undefined : captureOf(pod);
      const to = knowsProxy(world) ? world.proxy() : undefined;
      const why = capture === undefined || to === undefined ? undefined : notCaptured(capture, to);
      const because =
        annotated.length === 0
          ? "no annotation of the pod says so: the injector's values do (global.proxy.excludeIPRanges, includeIPRanges, excludeOutboundPorts)"
          : `the pod is annotated ${annotated.map(([key, value]) => `${key}=${value}`).join(', ')}`;
      if (why === undefined && annotated.length === 0) return undefined;
      return {
        cause: 'NOT_CAPTURED',
        seen: why === undefined ? because : `${why}; ${because}`,
        expected: captured,
      };
    },
  },
  {
    of: ['NO_SIDECAR_STATEMENT', 'STALE_ONLY'],
    ask: async (world) => {
      if (world.firstTrip()?.counters !== undefined) return undefined;
      const pod = world.clientPod();
      const all = await listeners(world.kube, pod);
      const found = listenerOn(all, world.proxy()) ?? all.find(({ name }) => name === 'virtualOutbound');
      if (found === undefined) return undefined;
      const logs = found.filter_chains.flatMap(
        ({ filters }) => filters.at(-1)?.typed_config?.access_log ?? [],
      );
      const unfiltered = logs.filter(({ filter }) => filter === undefined);
      if (unfiltered.length > 0) return undefined;
      const why = (await others(world)).map(nameOf).filter((name) => /^(Telemetry|EnvoyFilter) /.test(name));
      return {
        cause: 'ACCESS_LOG_OFF',
        seen: `listener ${found.name} has ${logs.length > 0 ? 'an access log with a filter' : 'no access log'}${why.length === 0 ? '' : `; there is ${why.join(', ')}`}`,
        expected: 'an access log to /dev/stdout in the TCP filter of the listener',
      };
    },
  },
];

/** What the sidecar can have done with it. */
export const inTheSidecar: readonly Question[] = [
  {
    of: ['PROXY_UNREACHABLE'],
    ask: (world, first) => {
      const { statement } = first;
      const flags = statement?.witness === 'sidecar' ? flagsOf(statement.responseFlags) : [];
      if (!flags.some(({ short }) => short === 'UH' || short === 'DF')) return Promise.resolve(undefined);
      const lookups = judgedEntries(world).flatMap(({ claimant: { name, host, entry } }) => {
        const { resolution = 'NONE', endpoints = [{ address: host }] } = entry.spec ?? {};
        const names = endpoints.map(({ address = host }) => address).join(', ');
        return resolution.startsWith('DNS') ? [`${name} has the sidecar look up ${names}`] : [];
      });
      if (lookups.length === 0) return Promise.resolve(undefined);
      return Promise.resolve({ ...first, seen: `${first.seen}; ${lookups.join('; ')}` });
    },
  },
  {
    of: ['CONNECTION_LIMIT', 'SIDECAR_REFUSED', 'PROXY_UNREACHABLE'],
    ask: async (world, first) => {
      const behind = behindFlags(first);
      if (behind.length === 0) return undefined;
      const found = (await differencesNow(world)).filter(({ what }) => behind.includes(what));
      if (found.length === 0) return undefined;
      return { ...first, seen: `${first.seen}; ${found.map(({ told }) => told).join('; ')}` };
    },
  },
  {
    // Envoy sets no response flag for it: the times tell.
    of: [
      'TITLE_MISSING',
      'DESTINATION_DOWN',
      'DESTINATION_SLOW',
      'TLS_FAILED',
      'BYTES_DISAGREE',
      'CONNECTION_CLOSED',
      'UNEXPLAINED',
    ],
    ask: async (world, { statement }) => {
      const trip = world
        .trips()
        .findLast(
          (one) => statement === undefined || one.client === statement || one.sidecar?.[0] === statement,
        );
      const line = trip?.sidecar?.[0];
      if (trip === undefined || line === undefined || flagsOf(line.responseFlags).length > 0)
        return undefined;
      const idle = (await differencesNow(world)).find(({ what }) => what === 'idle timeout');
      if (idle?.limit === undefined || line.durationMs < idle.limit) return undefined;
      const { exitCode, bytesDownloaded } = trip.client;
      const ended = `the connection ended after ${line.durationMs / 1000} s without a response flag, and its client had ${bytesDownloaded} bytes of the page (curl: exit code ${exitCode})`;
      return {
        cause: 'SIDECAR_IDLE_TIMEOUT',
        seen: `${idle.told}; ${ended}`,
        expected: 'a tunnel that stays open until its page has arrived',
        statement: line,
      };
    },
  },
  {
    of: ['TITLE_MISSING', 'CONNECTION_CLOSED', 'NO_PROXY_STATEMENT', 'UNEXPLAINED'],
    ask: async (world, first) => {
      const pod = world.sourcePod.known();
      if (pod === undefined || !isHandedOn(world)) return undefined;
      const { theirs } = await carrierOf(world, pod, [world.proxy()]);
      const by = theirs?.by.join('; ') ?? 'to a gateway';
      const look =
        "the gateway's log and what is for it, e.g. an AuthorizationPolicy of its namespace, tell more";
      return { ...first, seen: `${first.seen}; the sidecar handed the request on ${by}: ${look}` };
    },
  },
];

/** How the sidecar carries connections to the proxy, where it is not the document's plain way. */
async function differencesNow(world: World): Promise<readonly Told[]> {
  const pod = world.sourcePod.known();
  if (pod === undefined || !knowsProxy(world)) return [];
  return (await carrierOf(world, pod, [world.proxy()])).differences;
}

function knowsProxy({ proxyIp, proxyPort }: World): boolean {
  return proxyIp.known() !== undefined && proxyPort.known() !== undefined;
}

/** The differences that can be behind the response flags of a line. */
function behindFlags({ statement }: Finding): readonly Told['what'][] {
  if (statement?.witness !== 'sidecar') return [];
  const flags = flagsOf(statement.responseFlags).map(({ short }) => short);
  const notConnected = ['connect timeout', 'source address', 'transport socket', 'tunnel'] as const;
  const behind: Readonly<Record<string, readonly Told['what'][]>> = {
    UO: ['connection limit'],
    DT: ['longest duration'],
    UF: notConnected,
    URX: notConnected,
    UH: ['outlier detection', 'cluster type'],
    NC: ['cluster missing', 'weights'],
  };
  return [...flags.flatMap((flag) => behind[flag] ?? []), 'filter'];
}

/** A line that is the request's but for the client's port, which may have been changed on its way to the sidecar. */
function otherPort(trips: readonly Trip[]): Finding | undefined {
  const silent = trips.findLast(({ sidecar }) => sidecar?.length === 0);
  const { via, client } = silent ?? {};
  if (silent === undefined || via === undefined || client?.local === undefined) return undefined;
  const port = formatEndpoint(client.local);
  const line = silent.unmatched.find(
    ({ witness, reason, line: text }) =>
      witness === 'sidecar' && reason === 'another-client' && text.includes(formatEndpoint(via)),
  );
  if (line === undefined) return undefined;
  return {
    cause: 'CLIENT_BUSY',
    seen: `the client's port is ${port}; ${line.line}`,
    expected: `a line of ${port}`,
  };
}
