import type { KubernetesObject } from '@kubernetes/client-node';
import { expect } from 'vitest';
import { eventually, EventuallyError } from '../../helpers/eventually/eventually.ts';
import { listeners, type Listener } from '../../helpers/istio/sidecar.ts';
import { apply, find } from '../../helpers/kube/apply.ts';
import { timeouts } from '../../helpers/timeouts.ts';
import { proxy, sidecar } from '../../helpers/trip/expectations.ts';
import { fail } from './fail.ts';
import { fixture } from './fixtures.ts';
import type { Step } from './step.ts';
import type { World } from './world.ts';

/** Where the sidecar must send the request: Istio's name for the ServiceEntry's port, as the document's log shows it. */
const proxyCluster = 'outbound|3128||my-company-proxy.com';

export const configureTraffic: readonly Step[] = [
  {
    id: 'MESH-1',
    section: 'configure-traffic-to-external-https-proxy',
    title: 'A TCP ServiceEntry for the proxy, and the sidecar listens for it',
    commands: [
      'kubectl apply -f - <<EOF apiVersion: networking.istio.io/v1alpha3 kind: ServiceEntry metadata: name: proxy spec: hosts: - my-company-proxy.com # ignored addresses: - $PROXY_IP/32 ports: - number: $PROXY_PORT name: tcp protocol: TCP location: MESH_EXTERNAL EOF',
    ],
    claims: ['为 HTTPS 代理定义 TCP(不是 HTTP !)服务实体。'],
    needs: ['BEFORE-3', 'PROXY-6', 'PROXY-7'],
    run: async (world) => {
      const { ip, port } = world.proxy();
      await apply(
        world.kube,
        await fixture('service-entry.yaml', { PROXY_IP: ip, PROXY_PORT: String(port) }),
        'default',
      );
      await serviceEntryMustBeTheDocuments(world);
      await sidecarMustListen(world);
    },
  },
  {
    id: 'MESH-2',
    section: 'configure-traffic-to-external-https-proxy',
    title: 'From the pod with a sidecar, the page arrives through the proxy',
    commands: [
      'kubectl exec -it $SOURCE_POD -c sleep -- sh -c "HTTPS_PROXY=$PROXY_IP:$PROXY_PORT curl https://en.wikipedia.org/wiki/Main_Page" | grep -o "<title>.*</title>"',
    ],
    needs: ['MESH-1'],
    run: async (world) => {
      const pod = world.sourcePod.get();
      world.witnesses.follow('sidecar', { namespace: 'default', pod, container: 'istio-proxy' });
      const trip = await world.witnesses.fetch(
        { namespace: 'default', pod, container: 'sleep' },
        { via: world.proxy(), sidecar: true },
      );
      world.evidence(trip);
      world.meshTrip.set(trip);
      world.note('title', trip.client.title ?? '');
      expect(trip).toHaveTitle(world.session.destination.title);
    },
  },
  {
    id: 'MESH-3',
    section: 'configure-traffic-to-external-https-proxy',
    title: "The sidecar's access log has the line of that very request",
    commands: ['kubectl logs $SOURCE_POD -c istio-proxy'],
    needs: ['MESH-2'],
    run: (world) => {
      const trip = world.evidence(world.meshTrip.get());
      expect(trip).toHaveCrossed(sidecar({ cluster: proxyCluster, upstream: world.proxy() }));
      return Promise.resolve();
    },
  },
  {
    id: 'MESH-4',
    section: 'configure-traffic-to-external-https-proxy',
    title: "Squid's access log has the line of that very request",
    commands: [
      'kubectl exec -it $(kubectl get pod -n external -l app=squid -o jsonpath={.items..metadata.name}) -n external -- tail -f /var/log/squid/access.log',
    ],
    needs: ['MESH-2'],
    run: (world) => {
      const trip = world.evidence(world.meshTrip.get());
      expect(trip).toHaveCrossed(
        sidecar({ cluster: proxyCluster, upstream: world.proxy() }),
        proxy({ result: 'TCP_TUNNEL/200' }),
        ...world.witnesses.originExpectations(),
      );
      return Promise.resolve();
    },
  },
];

interface ServiceEntry extends KubernetesObject {
  readonly spec: {
    readonly hosts?: readonly string[];
    readonly addresses?: readonly string[];
    readonly ports?: readonly {
      readonly number: number;
      readonly name: string;
      readonly protocol?: string;
    }[];
    readonly location?: string;
    readonly resolution?: string;
    readonly exportTo?: readonly string[];
  };
}

/**
 * The entry as the API server stored it. With protocol TLS, or without an address, a request looks perfect all
 * the same, log lines included: so behaviour alone cannot tell that the document was followed.
 */
async function serviceEntryMustBeTheDocuments(world: World): Promise<void> {
  const { ip, port } = world.proxy();
  const stored = await find<ServiceEntry>(world.kube, {
    apiVersion: 'networking.istio.io/v1alpha3',
    kind: 'ServiceEntry',
    metadata: { name: 'proxy', namespace: 'default' },
  } as ServiceEntry);
  if (stored === undefined) {
    fail(
      'SERVICE_ENTRY_MISSING',
      'no ServiceEntry default/proxy',
      'ServiceEntry default/proxy as in the document',
    );
  }
  const { hosts = [], addresses = [], ports = [], location, resolution, exportTo } = stored.spec;
  const [only] = ports;
  if (only?.protocol !== 'TCP') {
    fail(
      'SERVICE_ENTRY_PROTOCOL',
      `port ${only?.number ?? '?'} has protocol ${only?.protocol ?? '(none)'}`,
      'protocol TCP: the client speaks CONNECT to the proxy, and Istio must not read it as HTTP',
    );
  }
  if (addresses.join() !== `${ip}/32`) {
    fail(
      'SERVICE_ENTRY_ADDRESS',
      `addresses: ${addresses.join(', ') || '(none)'}`,
      `addresses: ${ip}/32, the proxy's alone`,
    );
  }
  const seen = { hosts, ports, location, resolution: resolution ?? 'NONE', exportTo: exportTo ?? [] };
  const expected = {
    hosts: ['my-company-proxy.com'],
    ports: [{ number: port, name: 'tcp', protocol: 'TCP' }],
    location: 'MESH_EXTERNAL',
    // The document leaves it out, which means NONE: the sidecar connects to the very address the client asked for.
    resolution: 'NONE',
    exportTo: [],
  };
  const differing = (Object.keys(expected) as (keyof typeof expected)[]).filter(
    (field) => stableJson(seen[field]) !== stableJson(expected[field]),
  );
  if (differing.length > 0) {
    const show = (spec: Record<string, unknown>): string =>
      differing.map((field) => `${field}: ${JSON.stringify(spec[field])}`).join('; ');
    fail('SERVICE_ENTRY_DIFFERS', show(seen), show(expected));
  }
}

function stableJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/** Waits until Envoy itself holds the listener: from then on the request is judged by the new configuration. */
async function sidecarMustListen(world: World): Promise<void> {
  const { ip, port } = world.proxy();
  const pod = { namespace: 'default', pod: world.sourcePod.get() };
  let found: Listener;
  try {
    found = await eventually(
      `the sidecar to have a listener on ${ip}:${port}`,
      async () => {
        const all = await listeners(world.kube, pod);
        const match = all.find(({ address }) => {
          const { address: host, port_value } = address?.socket_address ?? {};
          return host === ip && port_value === port;
        });
        if (match !== undefined) return match;
        const others = all.filter(({ name }) => name.endsWith(`_${port}`)).map(({ name }) => name);
        throw new Error(
          others.length === 0
            ? `no listener on port ${port}`
            : `listeners on port ${port}: ${others.join(', ')}`,
        );
      },
      { timeoutMs: timeouts.configPush },
    );
  } catch (error) {
    if (!(error instanceof EventuallyError)) throw error;
    fail(
      'LISTENER_MISSING',
      error.message,
      `the sidecar has a listener on ${ip}:${port} for the ServiceEntry`,
    );
  }
  listenerMustTunnel(found);
  world.note('listener', found.name);
}

/** One chain that matches whatever comes and hands it on as TCP to the ServiceEntry's cluster. */
function listenerMustTunnel(found: Listener): void {
  const chains = [
    ...found.filter_chains,
    ...(found.default_filter_chain === undefined ? [] : [found.default_filter_chain]),
  ];
  const described = chains.map(({ filters, filter_chain_match }) => {
    const last = filters.at(-1);
    const kind = last?.typed_config?.['@type'].split('.').at(-1) ?? '?';
    const match = JSON.stringify(filter_chain_match ?? {});
    return `${kind} → ${last?.typed_config?.cluster ?? '(routes)'}${match === '{}' ? '' : ` when ${match}`}`;
  });
  const wanted = `TcpProxy → ${proxyCluster}`;
  if (described.length !== 1 || described[0] !== wanted) {
    fail(
      'LISTENER_DIFFERS',
      `listener ${found.name}: ${described.join('; ') || 'no filter chain'}`,
      `one filter chain without conditions: ${wanted}`,
    );
  }
}
