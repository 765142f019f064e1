import type { V1NetworkPolicy } from '@kubernetes/client-node';
import { failedWebhook, toldWebhook } from '../../helpers/kube/webhook.ts';
import { meshConfigOf } from '../../helpers/existing/found-istio.ts';
import { isSelected } from '../../helpers/istio/discovery-selectors.ts';
import type { ServiceEntry } from '../../helpers/istio/taker-makers.ts';
import { find } from '../../helpers/kube/apply.ts';
import { apiMessage, apiStatus, listOf, nameOf } from '../../helpers/kube/client.ts';
import { exec } from '../../helpers/kube/exec.ts';
import { isReady, livePods } from '../../helpers/kube/workloads.ts';
import { squidLog } from '../../helpers/trip/logs.ts';
import type { CauseCode } from '../../helpers/causes/causes.ts';
import type { Finding } from '../../helpers/trip/finding.ts';
import { timeouts } from '../../helpers/timeouts.ts';
import { inTheSidecar, onTheWayToTheSidecar, type Question } from './explain-sidecar.ts';
import { judgedEntries } from './judged-entries.ts';
import { noEntryFor, notExported, usualExport } from './missing-entry.ts';
import { others, sourcePod } from './others.ts';
import { serviceEntryIn } from './service-entry.ts';
import { sidecarComplaint } from './sidecar-complaint.ts';
import type { World } from './world.ts';

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
  if (lost !== undefined)
    return first.cause === lost.cause ? [lost, ...findings.slice(1)] : [lost, ...findings];
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
  ...onTheWayToTheSidecar,
  {
    of: [
      ...(['UNEXPLAINED', 'WORKLOAD_NOT_READY', 'PROXY_POD_NOT_READY', 'INSTALL_FAILED'] as const),
      ...(['LEFT_BEHIND', 'NAMESPACE_STUCK'] as const),
    ],
    ask: async ({ kube, mesh: { system } }, { seen }) => {
      const webhook = failedWebhook(seen);
      if (webhook === undefined) return undefined;
      // Without an istiod there is nobody to answer: see the control plane.
      if (webhook.istios && !(await livePods(kube, system, 'app=istiod')).some(isReady)) return undefined;
      return {
        cause: webhook.istios ? 'CONTROL_PLANE' : 'WEBHOOK_FAILED',
        seen: toldWebhook(webhook),
        expected: 'admission webhooks that answer',
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
  ...inTheSidecar,
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
    // An entry of the mesh that is judged: it, or the mesh's configuration, may have changed since it was found.
    of: ['LISTENER_MISSING'],
    proxy: 'given',
    ask: async (world) => {
      const judged = judgedEntries(world);
      if (judged.length === 0) return undefined;
      const names = judged.map(({ claimant: { name } }) => name);
      const why = await noEntryFor(world, world.proxy().ip, names);
      return why.cause === 'SERVICE_ENTRY_MISSING' ? undefined : why;
    },
  },
  {
    of: ['LISTENER_MISSING'],
    ask: (world, first) => {
      const byHost = Map.groupBy(judgedEntries(world), ({ claimant: { host } }) => host);
      const twice = [...byHost].flatMap(([host, all]) => {
        const names = all.map(({ claimant: { name } }) => name).join(' and ');
        return all.length < 2 ? [] : [`; ${names} have the host ${host}, of which Istio takes one`];
      });
      return Promise.resolve(
        twice.length === 0 ? undefined : { ...first, seen: `${first.seen}${twice.join('')}` },
      );
    },
  },
  {
    of: ['LISTENER_MISSING', 'BLACKHOLE', 'PASSTHROUGH'],
    ask: notLookedAt,
  },
  {
    of: ['LISTENER_MISSING', 'BLACKHOLE', 'PASSTHROUGH'],
    ask: async (world) => {
      const hiding = (await foreign(world)).filter(
        (name) =>
          name.startsWith(`Sidecar ${world.clientNamespace}/`) ||
          name.startsWith(`Sidecar ${world.mesh.root}/`),
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

/** The mesh's configuration may have the document's entry exported to nobody, or istiod look at other namespaces alone. */
async function notLookedAt(world: World, first: Finding): Promise<Finding | undefined> {
  const { kube, clientNamespace, mesh } = world;
  const own = await find<ServiceEntry>(kube, serviceEntryIn(world));
  // MESH-1 has judged what it says itself.
  if (own !== undefined && (own.spec?.exportTo ?? []).length === 0) {
    const unseen = notExported(world, own, await usualExport(world));
    if (unseen !== undefined) return unseen;
  }
  const { discoverySelectors: selectors } = await meshConfigOf(kube, mesh.revision, mesh.system);
  const labels = (await kube.core.readNamespace({ name: clientNamespace })).metadata?.labels ?? {};
  if (selectors.length === 0 || selectors.some((one) => isSelected(one, labels))) return undefined;
  const because = `istiod does not look at namespace ${clientNamespace} (meshConfig.discoverySelectors)`;
  return { ...first, seen: `${first.seen}; ${because}` };
}

/** `NetworkPolicy shop/default-deny (every pod; Ingress, Egress)`. */
function describePolicy(policy: V1NetworkPolicy): string {
  const { spec } = policy;
  const { matchLabels = {}, matchExpressions = [] } = spec?.podSelector ?? {};
  const every = Object.keys(matchLabels).length + matchExpressions.length === 0;
  return `${nameOf(policy)} (${every ? 'every pod' : 'some pods'}; ${(spec?.policyTypes ?? []).join(', ')})`;
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
