import type { V1Pod } from '@kubernetes/client-node';
import { expect } from 'vitest';
import { eventually } from '../../helpers/eventually/eventually.ts';
import { apiMessage } from '../../helpers/kube/client.ts';
import { timeouts } from '../../helpers/timeouts.ts';
import { formatEndpoint, type Endpoint } from '../../helpers/trip/endpoint.ts';
import { causes } from '../../helpers/causes/causes.ts';
import { ConformanceError, type Finding, findingsOf } from '../../helpers/trip/finding.ts';
import type { Trip } from '../../helpers/trip/statements.ts';
import { expectationsOf, noSidecar } from '../../helpers/trip/expectations.ts';
import { type GivenProxy, type ProxyLog, resolveIn } from '../../helpers/proxy/proxy.ts';
import { mustBeNoClusterIp, sliceOf, nothingMustBeInjected } from './2-deploy-an-https-proxy.ts';
import { fail, waitOrFail } from './must.ts';
import { documentsSidecar } from './sidecar.ts';
import { inSection, isDeployed, withoutItsLog, type Step } from './step.ts';
import type { World } from './world.ts';

const section = 'deploy-an-https-proxy';
const when: NonNullable<Step['when']> = (plan) => !isDeployed(plan);

/** In place of the steps that deploy Squid and try it: whether the given proxy serves without Istio. */
export const reachGivenProxy = inSection(section, {
  'REACH-1': {
    title: 'Your proxy has addresses inside the cluster, and none of them is a Service’s',
    needs: ['PROXY-5'],
    when,
    run: async (world) => {
      const { name, addresses, port } = givenOf(world);
      const ips = name === undefined ? addresses : await resolved(world, name);
      for (const ip of ips) {
        await mustBeNoClusterIp(world, ip);
        // A company may have a Service in front of its proxy: connections to the proxy's own address do not go through it.
        const slice = await sliceOf(world, ip);
        if (slice !== undefined) world.note('also behind', `EndpointSlice ${slice}`);
      }
      const [first = ''] = ips;
      world.note('PROXY_IP', ips.join(' '));
      world.note('PROXY_PORT', String(port));
      world.proxyIps.set(ips);
      world.proxyIp.set(first);
      world.proxyPort.set(port);
    },
  },
  'REACH-2': {
    title: 'Its log can be followed',
    needs: ['BEFORE-1'],
    when,
    unavailable: withoutItsLog,
    run: async (world) => {
      const { log } = givenOf(world);
      if (log === undefined) throw new TypeError('a step that needs the log ran without one');
      const container = log.kind === 'file' ? '' : (log.container ?? (await onlyContainerOf(world, log)));
      const problem = await world.witnesses.followGiven(log, container);
      if (problem !== undefined) fail('YOUR_PROXY_LOG_UNREADABLE', problem, `${log.text} can be read`);
      world.note('log', log.text);
    },
  },
  'REACH-3': {
    title: 'Without Istio, the page arrives through your proxy, by each address given',
    needs: ['REACH-1', 'REACH-2'],
    when,
    run: async (world) => {
      await nothingMustBeInjected(world);
      for (const [index, via] of endpointsOf(world).entries()) {
        const trip = world.evidence(await world.witnesses.fetch(world.outsideClient(), { via }));
        if (index === 0) world.baselineTrip.set(trip);
        outsideTheMesh(trip, () => {
          mustHaveBeenServed(world, trip, via);
          expect(trip).toHaveTitle(world.session.destination.title);
        });
        world.note('title', trip.client.title ?? '');
      }
    },
  },
  'REACH-4': {
    title: 'Its access log has the line of that very request',
    needs: ['REACH-3'],
    when,
    unavailable: withoutItsLog,
    run: (world) => {
      const trip = world.evidence(world.baselineTrip.get());
      outsideTheMesh(trip, () => {
        expect(trip).toHaveCrossed(noSidecar(), ...expectationsOf(world.session.proxy));
      });
      world.note('seen from', seenFrom(trip));
      return Promise.resolve();
    },
  },
});

/** Beside the document's own request, which takes the first address. */
export const furtherAddresses = inSection('configure-traffic-to-external-https-proxy', {
  'MESH-5': {
    title: 'By each further address of your proxy the sidecar carries the request as well',
    needs: ['MESH-2', 'REACH-2'],
    when: ({ proxy }) => proxy.kind === 'given' && proxy.addresses.length > 1,
    run: async (world) => {
      const { proxy, destination } = world.session;
      for (const via of endpointsOf(world).slice(1)) {
        const trip = world.evidence(await world.witnesses.fetch(world.meshClient(), { via, sidecar: true }));
        expect(trip).toHaveTitle(destination.title);
        expect(trip).toHaveCrossed(documentsSidecar(world, via), ...expectationsOf(proxy));
        world.note('by way of', formatEndpoint(via));
      }
    },
  },
});

/** The endpoints that clients are to use, one after the other: each address that the user gave, or the name's, once. */
function endpointsOf(world: World): readonly Endpoint[] {
  const { name, addresses, port } = givenOf(world);
  return name === undefined ? addresses.map((ip) => ({ ip, port })) : [world.proxy()];
}

/** The client as the proxy saw it, which may be the node's or a gateway's address. */
function seenFrom({ client, proxy: lines }: Trip): string {
  const seen = lines?.[0]?.clientIp ?? '';
  return seen === client.podIp
    ? `${seen}, the pod`
    : `${seen}, not the pod (${client.podIp}): translated on the way`;
}

function givenOf({ session: { proxy } }: World): GivenProxy {
  if (proxy.kind !== 'given') throw new TypeError('a step about --proxy ran without one');
  return proxy;
}

async function resolved(world: World, name: string): Promise<readonly string[]> {
  const what = `${name} to resolve in a pod`;
  return waitOrFail('YOUR_PROXY_UNRESOLVED', `an address for ${name}`, () =>
    eventually(what, () => resolveIn(world.kube, world.outsideClient(), name), {
      timeoutMs: timeouts.probe,
      intervalMs: 500,
    }),
  );
}

async function onlyContainerOf(world: World, log: ProxyLog & { readonly kind: 'pod' }): Promise<string> {
  const { namespace, pod, text } = log;
  let found: V1Pod;
  try {
    found = await world.kube.core.readNamespacedPod({ namespace, name: pod });
  } catch (error) {
    fail('YOUR_PROXY_LOG_UNREADABLE', `${text}: ${apiMessage(error)}`, `pod ${namespace}/${pod}`);
  }
  const names = (found.spec?.containers ?? [])
    .map(({ name }) => name)
    .filter((name) => name !== 'istio-proxy');
  const [only] = names;
  if (only === undefined || names.length > 1) {
    fail(
      'YOUR_PROXY_LOG_UNREADABLE',
      `pod ${namespace}/${pod} has containers ${names.join(', ')}`,
      `one of them in --proxy-log: ${namespace}/${pod}/CONTAINER`,
    );
  }
  return only;
}

/** Names what most often keeps a given proxy from serving. */
function mustHaveBeenServed(world: World, { client }: Trip, via: Endpoint): void {
  const said = `by way of ${formatEndpoint(via)}, curl: exit code ${client.exitCode}, ${client.errorMessage}`;
  const { credentials } = givenOf(world);
  if ([5, 7].includes(client.exitCode) || (client.exitCode === 28 && client.remote === undefined)) {
    fail('YOUR_PROXY_UNREACHABLE', said, `a connection to ${formatEndpoint(via)}`);
  }
  if (client.connectStatus === 407) {
    const asked = client.proxyAuthenticate === undefined ? '' : `; it asks for ${client.proxyAuthenticate}`;
    const given =
      credentials === undefined
        ? 'no credentials were given'
        : 'the credentials that were given are not taken';
    fail('YOUR_PROXY_CREDENTIALS', `${said}; ${given}${asked}`, 'CONNECT answered with 200');
  }
}

/** Istio has no part in a request outside the mesh, so a failure of it is the proxy's and not Istio's. */
function outsideTheMesh(trip: Trip, judge: () => void): void {
  try {
    judge();
  } catch (error) {
    const findings = findingsOf(error);
    const [first] = findings;
    if (first === undefined || causes[first.cause].family === 'environment') throw error;
    const own: Finding = {
      cause: 'YOUR_PROXY_FAILS',
      seen: `${first.cause}: ${first.seen}`,
      expected: 'the page by way of the proxy, from a pod without a sidecar',
    };
    throw new ConformanceError([own, ...findings], trip);
  }
}
