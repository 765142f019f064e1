import type { V1NetworkPolicy } from '@kubernetes/client-node';
import { captureOf, notCaptured } from '../../helpers/istio/capture.ts';
import { interceptsNothing, listeners } from '../../helpers/istio/sidecar.ts';
import { failedWebhook, toldWebhook } from '../../helpers/kube/webhook.ts';
import { apiMessage, apiStatus, listOf, nameOf } from '../../helpers/kube/client.ts';
import { exec } from '../../helpers/kube/exec.ts';
import { isReady, livePods } from '../../helpers/kube/workloads.ts';
import { flagsOf } from '../../helpers/trip/envoy-values.ts';
import { squidLog } from '../../helpers/trip/logs.ts';
import type { CauseCode } from '../../helpers/causes/causes.ts';
import type { Finding } from '../../helpers/trip/finding.ts';
import type { Proxy } from '../../helpers/proxy/proxy.ts';
import { formatEndpoint } from '../../helpers/trip/endpoint.ts';
import type { Trip } from '../../helpers/trip/statements.ts';
import { timeouts } from '../../helpers/timeouts.ts';
import { carrierOf, rejectedFor, rejection, type Told } from './carrier.ts';
import { others, sourcePod } from './others.ts';
import { judgedEntries } from './judged-entries.ts';
import { listenerOn } from './sidecar.ts';
import { sidecarComplaint } from './sidecar-complaint.ts';
import type { World } from './world.ts';

/** A question to the cluster that can turn a symptom into its cause. */
interface Question {
  /** Symptoms it can explain. */
  readonly of: readonly CauseCode[];
  /** Asked only where the proxy is of this kind. */
  readonly proxy?: Proxy['kind'];
  readonly ask: (world: World, first: Finding) => Promise<Finding | undefined>;
  /** It names suspects, not the cause, so it never comes first. */
  readonly besides?: true;
}

/**
 * Findings tell what the statements show; the cluster's state often tells why. Each question that fits the first
 * finding is asked; an answer goes first, and the symptom stays behind it.
 */
export async function explain(world: World, findings: readonly Finding[]): Promise<readonly Finding[]> {
  const [first] = findings;
  if (first === undefined) return findings;
  const gone = await clusterGone(world);
  if (gone !== undefined) {
    return [
      { cause: 'CLUSTER_LOST', seen: gone, expected: 'an API server that answers until the run ends' },
      ...findings,
    ];
  }
  const lost = await clientLost(world);
  if (lost !== undefined) return [lost, ...findings];
  for (const { of, proxy = world.session.proxy.kind, ask, besides } of questions) {
    if (!of.includes(first.cause) || proxy !== world.session.proxy.kind) continue;
    const answer = await ask(world, first);
    if (answer === undefined) continue;
    if (besides === true) return [first, answer, ...findings.slice(1)];
    // The same cause, with the object that is behind it.
    return answer.cause === first.cause ? [answer, ...findings.slice(1)] : [answer, ...findings];
  }
  return findings;
}

const mesh: readonly CauseCode[] = [
  'UNEXPLAINED',
  'WRONG_CLUSTER',
  'WRONG_UPSTREAM',
  'PASSTHROUGH',
  'BLACKHOLE',
  'ROUTE_NOT_FOUND',
  'LISTENER_SPEAKS_HTTP',
  'LISTENER_MISSING',
  'LISTENER_DIFFERS',
  'CLUSTER_DIFFERS',
  'SIDECAR_LOG_FORMAT',
  'NO_SIDECAR_STATEMENT',
  'DUPLICATE_STATEMENT',
  'ADDRESSES_DISAGREE',
];

/** Asked in this order; the first answer counts. */
const questions: readonly Question[] = [
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
        expected: 'a pod whose traffic to the proxy is redirected to its sidecar',
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
    of: [
      ...(['UNEXPLAINED', 'WORKLOAD_NOT_READY', 'PROXY_POD_NOT_READY', 'INSTALL_FAILED'] as const),
      ...(['LEFT_BEHIND', 'NAMESPACE_STUCK'] as const),
    ],
    ask: (_world, { seen }) => {
      const webhook = failedWebhook(seen);
      if (webhook === undefined || webhook.istios) return Promise.resolve(undefined);
      return Promise.resolve({
        cause: 'WEBHOOK_FAILED',
        seen: toldWebhook(webhook),
        expected: 'admission webhooks that answer',
      });
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
        expected: 'a pod whose traffic to the proxy is redirected to its sidecar',
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
      const why = (await foreign(world)).filter((name) => /^(Telemetry|EnvoyFilter) /.test(name));
      return {
        cause: 'ACCESS_LOG_OFF',
        seen: `listener ${found.name} has ${logs.length > 0 ? 'an access log with a filter' : 'no access log'}${why.length === 0 ? '' : `; there is ${why.join(', ')}`}`,
        expected: 'an access log to /dev/stdout in the TCP filter of the listener',
      };
    },
  },
  {
    of: ['NO_PROXY_STATEMENT', 'STALE_ONLY'],
    proxy: 'deployed',
    ask: async (world) => {
      const { exitCode } = await exec(world.kube, world.squid(), ['sh', '-c', `test -e ${squidLog}`]);
      if (exitCode === 0) return undefined;
      return {
        cause: 'PROXY_LOG_GONE',
        seen: `no file ${squidLog} in the pod`,
        expected: `the file ${squidLog}`,
      };
    },
  },
  {
    // Its log cannot be followed either; that alone would count as a problem of the environment.
    of: [
      'ENVIRONMENT',
      'PROXY_UNREACHABLE',
      'PASSTHROUGH',
      'UNEXPLAINED',
      'DESTINATION_SLOW',
      'NO_PROXY_STATEMENT',
    ],
    proxy: 'deployed',
    ask: async (world) => {
      const known = world.proxyIp.known();
      if (known === undefined) return undefined;
      const pods = await livePods(world.kube, world.namespaces.external, `app=${world.edition.proxy.app}`);
      const addresses = pods.map(({ status }) => status?.podIP ?? 'no address yet');
      if (addresses.includes(known)) return undefined;
      return {
        cause: 'PROXY_REPLACED',
        seen: `live pods of the proxy have ${addresses.join(', ') || 'no address: no pod is live'}`,
        expected: `${known}, which client and ServiceEntry name`,
      };
    },
  },
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
    of: ['WORKLOAD_NOT_READY', 'PROXY_POD_NOT_READY'],
    ask: (_world, { seen }) => {
      const said = /violates PodSecurity.*/s.exec(seen)?.[0];
      return Promise.resolve(
        said === undefined
          ? undefined
          : { cause: 'POD_SECURITY', seen: said, expected: 'pods that the namespace admits' },
      );
    },
  },
  {
    of: ['WORKLOAD_NOT_READY'],
    ask: async (world) => {
      const istiod = await livePods(world.kube, world.mesh.system, 'app=istiod');
      // Without an istiod there is nothing to reach: see the control plane.
      if (!istiod.some(isReady)) return undefined;
      const { kube, namespaces, edition } = world;
      const pods = await livePods(kube, namespaces.mesh, `app=${edition.client}`);
      // An older pod may run as well: it stays until this one is ready.
      const waiting = pods.find((pod) => !isReady(pod));
      return waiting === undefined ? undefined : sidecarComplaint(world, waiting);
    },
  },
  {
    of: ['PROXY_UNREACHABLE', 'DESTINATION_DOWN', 'DESTINATION_SLOW', 'WORKLOAD_NOT_READY'],
    ask: async ({ kube, namespaces, clientNamespace }) => {
      const own = [...(Object.values(namespaces) as string[]), clientNamespace];
      const policies = await listOf<V1NetworkPolicy>(kube, 'networking.k8s.io/v1', 'NetworkPolicy');
      const inTheWay = policies.filter(({ metadata }) => own.includes(metadata?.namespace ?? ''));
      if (inTheWay.length === 0) return undefined;
      return {
        cause: 'NETWORK_POLICY',
        seen: inTheWay.map(describePolicy).join('; '),
        expected: 'no NetworkPolicy, or one that allows the requests, DNS and istiod',
      };
    },
  },
  {
    of: [
      ...([
        'PROXY_UNREACHABLE',
        'PROXY_DENIED',
        'PROXY_CANNOT_RESOLVE',
        'WRONG_RESULT',
        'STATUS_DISAGREES',
      ] as const),
      ...(['DESTINATION_DOWN', 'DESTINATION_SLOW', 'TLS_FAILED', 'TITLE_MISSING', 'UNEXPLAINED'] as const),
    ],
    proxy: 'given',
    ask: async (world) => {
      // Before the first request went well, nothing was lost.
      if (world.baselineTrip.known() === undefined || world.externalPod.known() === undefined) {
        return undefined;
      }
      const limitMs = timeouts.explain / 2;
      const again = await world.witnesses.ask(world.outsideClient(), { via: world.proxy(), limitMs });
      if (again.exitCode === 0 && again.connectStatus === 200) return undefined;
      return {
        cause: 'YOUR_PROXY_LOST',
        seen: `a second request, from outside the mesh, failed too: curl: exit code ${again.exitCode}, ${again.errorMessage}`,
        expected: 'the page, as before in this run',
        statement: again,
      };
    },
  },
  {
    of: ['WENT_ROUND_PROXY'],
    ask: async ({ kube }, { statement }) => {
      const remote = statement?.witness === 'client' ? statement.remote : undefined;
      if (remote === undefined) return undefined;
      const { items } = await kube.core.listServiceForAllNamespaces();
      const owner = items.find(({ spec }) => spec?.clusterIPs?.includes(remote.ip) === true);
      if (owner === undefined) return undefined;
      return {
        cause: 'PROXY_IS_SERVICE',
        seen: `the client connected to ${remote.ip}, which is Service ${owner.metadata?.namespace ?? ''}/${owner.metadata?.name ?? ''}`,
        expected: "the address of the proxy's pod",
      };
    },
  },
  {
    of: [
      ...mesh,
      'WORKLOAD_NOT_READY',
      'SIDECAR_MISSING',
      'INSTALL_FAILED',
      'NOT_TAKEN_OVER',
      'INJECTION_FAILED',
    ],
    ask: async ({ kube, mesh: { system } }, { cause }) => {
      const pods = await livePods(kube, system, 'app=istiod');
      if (pods.some(isReady)) return undefined;
      // istioctl refused before it made anything, and its message says why.
      if (pods.length === 0 && cause === 'INSTALL_FAILED') return undefined;
      return {
        cause: 'CONTROL_PLANE',
        seen: pods.length === 0 ? 'istiod has no pod' : 'no pod of istiod is ready',
        expected: 'a control plane that injects, validates and pushes',
      };
    },
  },
  {
    of: ['LISTENER_MISSING', 'CLUSTER_DIFFERS'],
    ask: async (world) => {
      const pod = await sourcePod(world);
      return pod === undefined ? undefined : sidecarComplaint(world, pod);
    },
  },
  {
    of: ['LISTENER_MISSING'],
    ask: async (world, first) => {
      const removing = (await others(world)).filter(
        ({ kind, ...object }) =>
          kind === 'EnvoyFilter' &&
          /"applyTo":"LISTENER"/.test(JSON.stringify(object)) &&
          /"operation":"REMOVE"/.test(JSON.stringify(object)),
      );
      if (removing.length === 0) return undefined;
      return { ...first, seen: `${first.seen}; ${removing.map(nameOf).join(', ')} removes listeners` };
    },
  },
  {
    of: ['LISTENER_MISSING', 'BLACKHOLE', 'PASSTHROUGH'],
    ask: async (world) => {
      const hiding = (await foreign(world)).filter(
        (name) =>
          name.startsWith(`Sidecar ${world.clientNamespace}/`) ||
          name.startsWith(`Sidecar ${world.mesh.system}/`),
      );
      if (hiding.length === 0) return undefined;
      return {
        cause: 'SIDECAR_RESOURCE',
        seen: hiding.join(', '),
        expected: "no Sidecar resource for the client, or one that imports the entry's namespace",
      };
    },
  },
  {
    of: mesh,
    besides: true,
    ask: async (world) => {
      const others = await foreign(world);
      if (others.length === 0) return undefined;
      return {
        cause: 'FOREIGN_CONFIGURATION',
        seen: others.join(', '),
        expected: "the document's ServiceEntry and Istio's installation, nothing else",
      };
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
  const behind: Readonly<Record<string, readonly Told['what'][]>> = {
    UO: ['connection limit'],
    DT: ['longest duration'],
    UF: ['connect timeout', 'transport socket', 'tunnel'],
    UH: ['outlier detection', 'cluster type'],
    NC: ['cluster missing', 'weights'],
  };
  return [...flags.flatMap((flag) => behind[flag] ?? []), 'filter'];
}

/** `NetworkPolicy shop/default-deny (every pod; Ingress, Egress)`. */
function describePolicy(policy: V1NetworkPolicy): string {
  const { spec } = policy;
  const { matchLabels = {}, matchExpressions = [] } = spec?.podSelector ?? {};
  const every = Object.keys(matchLabels).length + matchExpressions.length === 0;
  return `${nameOf(policy)} (${every ? 'every pod' : 'some pods'}; ${(spec?.policyTypes ?? []).join(', ')})`;
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

/** The user's pod may be replaced at any time; the outcome of its requests says nothing then. */
async function clientLost(world: World): Promise<Finding | undefined> {
  const { givenClient } = world;
  if (givenClient === undefined) return undefined;
  const { uid, deletionTimestamp } = (await sourcePod(world))?.metadata ?? {};
  if (uid === givenClient.uid && deletionTimestamp === undefined) return undefined;
  const { namespace, pod } = givenClient;
  return {
    cause: 'CLIENT_LOST',
    seen: `pod ${namespace}/${pod} ${uid === undefined ? 'is gone' : uid === givenClient.uid ? 'is being deleted' : 'is another one now'}`,
    expected: 'the same pod to the end of the run',
  };
}

async function clusterGone({ kube }: World): Promise<string | undefined> {
  try {
    await kube.version.getCode();
    return undefined;
  } catch (error) {
    const status = apiStatus(error);
    if (status === 401) return `the API server no longer knows who asks: ${apiMessage(error)}`;
    // Any other refusal is an answer.
    return status === undefined ? `the API server no longer answers: ${apiMessage(error)}` : undefined;
  }
}

/** The names of objects other than the document's entry that can change the way of this request. */
async function foreign(world: World): Promise<readonly string[]> {
  return (await others(world)).map(nameOf).sort();
}
