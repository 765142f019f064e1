import type { CauseCode } from '../helpers/causes/causes.ts';
import {
  companyEntry,
  routes,
  secondEntry,
  startGateway,
  stopGateway,
  throughGateway,
  toProxy,
  workloadEntry,
} from './healthy/company.ts';
import { identified } from './fault.ts';
import type { HealthyMesh } from './healthy/mesh.ts';
import { companyHost, shop } from './healthy/rig.ts';
import { replaceWorkload, startWorkload, stopWorkload } from './healthy/workload.ts';
import {
  admissionPolicy,
  destinationRule,
  envoyFilter,
  istio,
  root,
  serviceEntry,
  tcp,
  tcpListener,
  typed,
  type ManifestObject,
} from './objects.ts';

/** A mesh of others' that looks ordinary and leads astray: `run --kubeconfig` must be red in it. */
export interface TheirFault extends HealthyMesh {
  readonly expect: {
    readonly step: string;
    readonly cause: CauseCode;
    /** The object that is to blame, as the finding must name it. */
    readonly names: string;
  };
}

type TheirFaultEntry = Omit<TheirFault, 'id'>;

const proxy = { port: 3128 } as const;

/** A mistake in one of two entries for the two machines of the company's proxy. */
function inSecond(title: string, cause: CauseCode, mistake: object): TheirFaultEntry {
  return {
    title,
    proxy: { port: 3128, both: true },
    objects: (rig) => [companyEntry(rig), secondEntry(rig, mistake)],
    expect: { step: 'MESH-1', cause, names: 'ServiceEntry other-shop/corp-proxy-2' },
  };
}

/** An entry for a proxy by its name alone. */
function byName(name: string, host: string, changes: object = {}): ManifestObject {
  return serviceEntry(root, name, { hosts: [host], ports: [tcp(3128)], resolution: 'DNS', ...changes });
}

/** The company's entry, and an EnvoyFilter of the whole mesh. */
function filtered(
  name: string,
  patch: Parameters<typeof envoyFilter>[2],
): NonNullable<TheirFault['objects']> {
  return (rig) => [companyEntry(rig), envoyFilter(root, name, patch)];
}

const oneConnection = {
  applyTo: 'NETWORK_FILTER',
  match: tcpListener(3128),
  operation: 'INSERT_BEFORE',
  value: {
    name: 'envoy.filters.network.local_ratelimit',
    ...typed('filters.network.local_ratelimit.v3.LocalRateLimit', {
      stat_prefix: 'rate_limit',
      token_bucket: { max_tokens: 1, fill_interval: '600s' },
    }),
  },
} as const;

export const theirFaults: readonly TheirFault[] = identified<TheirFaultEntry>({
  'THEIRS-HTTP': inSecond(
    'Of two entries for the proxy’s addresses one says HTTP',
    'SERVICE_ENTRY_PROTOCOL',
    {
      ports: [{ number: 3128, name: 'http', protocol: 'HTTP' }],
    },
  ),
  'THEIRS-MISTYPED': inSecond('One has another address', 'SERVICE_ENTRY_MISSING', {
    addresses: ['192.0.2.78/32'],
  }),
  'THEIRS-OTHER-PORT': inSecond('One has another port', 'SERVICE_ENTRY_PORT', { ports: [tcp(3129)] }),
  'THEIRS-NOT-EXPORTED': inSecond('One is exported to its own namespace alone', 'SERVICE_ENTRY_EXPORT', {
    exportTo: ['.'],
  }),
  'THEIRS-WORKLOAD-ADDRESS': {
    title: 'The company’s entry selects a WorkloadEntry with another address than the proxy’s',
    proxy,
    objects: (rig) => workloadEntry(rig, { address: rig.secondProxyIp }),
    expect: { step: 'MESH-1', cause: 'CLUSTER_DIFFERS', names: 'WorkloadEntry istio-system/corp-proxy-1' },
  },
  'THEIRS-WORKLOAD-PORT': {
    title: 'The WorkloadEntry has another port',
    proxy,
    objects: (rig) => workloadEntry(rig, { ports: { tcp: 8080 } }),
    expect: { step: 'MESH-1', cause: 'CLUSTER_DIFFERS', names: 'WorkloadEntry istio-system/corp-proxy-1' },
  },
  'THEIRS-WORKLOAD-LABELS': {
    title: 'The WorkloadEntry has other labels than the entry selects',
    proxy,
    objects: (rig) => workloadEntry(rig, { labels: { app: 'corp-proxies' } }),
    expect: { step: 'MESH-1', cause: 'CLUSTER_DIFFERS', names: 'selects workloads with app=corp-proxy' },
  },
  'THEIRS-ROUTED-ELSEWHERE': {
    title: 'A VirtualService sends the proxy’s traffic to another proxy',
    proxy,
    objects: (rig) => [
      companyEntry(rig),
      serviceEntry(shop, 'other-proxy', {
        hosts: ['other-proxy.example.com'],
        addresses: ['192.0.2.80/32'],
        ports: [tcp(3128)],
        resolution: 'STATIC',
        endpoints: [{ address: rig.secondProxyIp }],
      }),
      routes([toProxy({ host: 'other-proxy.example.com' })]),
    ],
    expect: { step: 'MESH-1', cause: 'LISTENER_DIFFERS', names: 'VirtualService istio-system/corp-proxy' },
  },
  'THEIRS-ROUTED-NOWHERE': {
    title: 'It sends it to a host that the mesh does not have',
    proxy,
    objects: (rig) => [companyEntry(rig), routes([toProxy({ host: 'gone.example.com' })])],
    expect: { step: 'MESH-1', cause: 'CLUSTER_DIFFERS', names: 'VirtualService istio-system/corp-proxy' },
  },
  'THEIRS-GATEWAY-PORT': {
    title: 'An egress gateway between that does not listen on the proxy’s port',
    proxy,
    objects: (rig) => throughGateway(rig, { port: 3129 }),
    expect: { step: 'MESH-1', cause: 'LISTENER_DIFFERS', names: 'Gateway other-shop/egress' },
  },
  'THEIRS-GATEWAY-ONWARD': {
    title: 'An egress gateway between that leads on to another host',
    proxy,
    objects: (rig) => throughGateway(rig, { onward: 'other-proxy.example.com' }),
    expect: {
      step: 'MESH-1',
      cause: 'LISTENER_DIFFERS',
      names: 'VirtualService other-shop/proxy-through-gateway leads on to other-proxy.example.com',
    },
  },
  'THEIRS-GATEWAY-ITSELF': {
    title: 'An egress gateway between, and an entry without endpoints: the gateway would connect to itself',
    proxy,
    objects: (rig) => throughGateway(rig, { resolution: 'NONE' }),
    expect: { step: 'MESH-1', cause: 'LISTENER_DIFFERS', names: 'ServiceEntry istio-system/corp-proxy' },
  },
  'THEIRS-SUBSET': {
    title: 'A VirtualService sends it to a subset that no endpoint belongs to',
    proxy,
    objects: (rig) => [
      companyEntry(rig, {
        resolution: 'STATIC',
        endpoints: [{ address: rig.proxyIp, labels: { zone: 'blue' } }],
      }),
      istio('networking', 'DestinationRule', root, 'corp-proxy', {
        host: companyHost,
        subsets: [{ name: 'green', labels: { zone: 'green' } }],
      }),
      routes([toProxy({ subset: 'green' })]),
    ],
    expect: { step: 'MESH-1', cause: 'CLUSTER_DIFFERS', names: 'DestinationRule istio-system/corp-proxy' },
  },
  'THEIRS-NOT-RESOLVED': {
    title: 'The company’s entry looks its proxy up by a name that is gone',
    proxy,
    objects: (rig) => [
      companyEntry(rig, {
        addresses: [rig.proxyIp],
        resolution: 'DNS',
        endpoints: [{ address: 'old-proxy.corp.example' }],
      }),
    ],
    expect: {
      step: 'MESH-2',
      cause: 'PROXY_UNREACHABLE',
      names: 'ServiceEntry istio-system/corp-proxy has the sidecar look up old-proxy.corp.example',
    },
  },
  'THEIRS-TWO-NAMES': {
    title: 'Another proxy by name has an entry too, and Istio has one listener for the port of both',
    proxy: { port: 3128, byName: true },
    objects: (rig) => [
      byName('other-proxy', 'other-proxy.example.com', { endpoints: [{ address: rig.secondProxyIp }] }),
      byName('corp-proxy', companyHost),
    ],
    expect: { step: 'MESH-1', cause: 'LISTENER_DIFFERS', names: 'ServiceEntry istio-system/other-proxy' },
  },
  'THEIRS-MUTUAL-TLS': {
    title: 'A rule for every host begins mutual TLS, towards the proxy as well',
    proxy,
    objects: (rig) => [companyEntry(rig), destinationRule('default', '*', { tls: { mode: 'ISTIO_MUTUAL' } })],
    expect: { step: 'MESH-1', cause: 'CLUSTER_DIFFERS', names: 'DestinationRule istio-system/default' },
  },
  'THEIRS-PROXY-PROTOCOL': {
    title:
      'A rule has the sidecar say whose connection it is (PROXY protocol), which the proxy does not speak',
    proxy,
    objects: (rig) => [
      companyEntry(rig),
      destinationRule('proxy-protocol', companyHost, { proxyProtocol: { version: 'V2' } }),
    ],
    expect: {
      step: 'MESH-1',
      cause: 'CLUSTER_DIFFERS',
      names: 'DestinationRule istio-system/proxy-protocol',
    },
  },
  'THEIRS-SOURCE-ADDRESS': {
    title: 'An EnvoyFilter has sidecars connect from an address that the pod does not have',
    proxy,
    objects: filtered('source-address', {
      applyTo: 'CLUSTER',
      match: { cluster: { service: companyHost } },
      value: {
        upstream_bind_config: {
          source_address: { protocol: 'TCP', address: '192.0.2.9', port_value: 0 },
        },
      },
    }),
    expect: {
      step: 'MESH-2',
      cause: 'PROXY_UNREACHABLE',
      names: 'EnvoyFilter istio-system/source-address',
    },
  },
  'THEIRS-ROOT-NAMESPACE': {
    title: 'An EnvoyFilter in another root namespace than Istio’s own removes the proxy’s cluster',
    proxy,
    meshConfig: { rootNamespace: shop },
    objects: (rig) => [
      companyEntry(rig),
      envoyFilter(shop, 'no-cluster', {
        applyTo: 'CLUSTER',
        match: { cluster: { service: companyHost } },
        operation: 'REMOVE',
      }),
    ],
    expect: { step: 'MESH-1', cause: 'CLUSTER_DIFFERS', names: 'EnvoyFilter other-shop/no-cluster' },
  },
  'THEIRS-SAME-HOST': {
    title: 'Two entries of one host, each with one of the proxy’s addresses: Istio takes one',
    proxy: { port: 3128, both: true },
    objects: (rig) => [companyEntry(rig), secondEntry(rig, { hosts: [companyHost] })],
    expect: {
      step: 'MESH-1',
      cause: 'LISTENER_MISSING',
      names:
        'ServiceEntry other-shop/corp-proxy-2 have the host proxy.corp.example, of which Istio takes one',
    },
  },
  'THEIRS-SIDECAR-STARVES': {
    title: 'Sidecars have 16 MB of memory, and are killed',
    inject: (rig) => rig.changeInjectorValues({ resources: { limits: { memory: '16Mi' } } }),
    undo: (rig) => rig.restoreInjector(),
    expect: { step: 'BEFORE-2', cause: 'WORKLOAD_NOT_READY', names: 'OOMKilled' },
  },
  'THEIRS-LISTENER-REMOVED': {
    title: 'An EnvoyFilter removes the listener of the proxy’s port',
    proxy,
    objects: filtered('no-listener', {
      applyTo: 'LISTENER',
      match: { listener: { portNumber: 3128 } },
      operation: 'REMOVE',
    }),
    expect: { step: 'MESH-1', cause: 'LISTENER_MISSING', names: 'EnvoyFilter istio-system/no-listener' },
  },
  'THEIRS-CLUSTER-REMOVED': {
    title: 'An EnvoyFilter removes the proxy’s cluster, and leaves its listener',
    proxy,
    objects: filtered('no-cluster', {
      applyTo: 'CLUSTER',
      match: { cluster: { service: companyHost } },
      operation: 'REMOVE',
    }),
    expect: { step: 'MESH-1', cause: 'CLUSTER_DIFFERS', names: 'EnvoyFilter istio-system/no-cluster' },
  },
  'THEIRS-RATE-LIMIT': {
    title: 'An EnvoyFilter lets one connection in ten minutes through',
    objects: () => [envoyFilter(root, 'rate-limit', oneConnection)],
    expect: { step: 'CONTROL-2', cause: 'SIDECAR_REFUSED', names: 'EnvoyFilter istio-system/rate-limit' },
  },
  'THEIRS-SERVICES-CAPTURED': {
    title: 'Sidecars capture the cluster’s Services alone',
    inject: (rig) => rig.changeInjectorValues({ includeIPRanges: '10.43.0.0/16' }),
    undo: (rig) => rig.restoreInjector(),
    expect: { step: 'CONTROL-1', cause: 'NOT_CAPTURED', names: 'includeIPRanges' },
  },
  'THEIRS-GATEWAY-REFUSES': {
    title: 'An egress gateway between, and a default-deny AuthorizationPolicy for it',
    proxy,
    objects: (rig) => [
      ...throughGateway(rig),
      istio('security', 'AuthorizationPolicy', shop, 'deny-all', {}),
    ],
    inject: startGateway,
    undo: stopGateway,
    expect: { step: 'MESH-2', cause: 'TITLE_MISSING', names: 'Gateway other-shop/egress' },
  },
  'THEIRS-OTHER-PORT-BY-FILTER': {
    title: 'An EnvoyFilter has the sidecar connect to another port',
    proxy,
    objects: filtered('other-port', {
      applyTo: 'CLUSTER',
      match: { cluster: { service: companyHost } },
      value: { original_dst_lb_config: { upstream_port_override: 8081 } },
    }),
    expect: { step: 'MESH-1', cause: 'CLUSTER_DIFFERS', names: 'EnvoyFilter istio-system/other-port' },
  },
  'THEIRS-LIMITED': {
    title: 'A rule for *.com allows three connections, and five tunnels are asked for',
    settings: { clients: 2, tunnels: 5 },
    objects: () => [destinationRule('limits', '*.com', { connectionPool: { tcp: { maxConnections: 3 } } })],
    expect: { step: 'SCALE-1', cause: 'CONNECTION_LIMIT', names: 'DestinationRule istio-system/limits' },
  },
  'THEIRS-IDLE': {
    title: 'A rule for *.com closes connections after half a second without a byte, and tunnels have pauses',
    settings: { clients: 2, tunnels: 2 },
    objects: () => [destinationRule('idle', '*.com', { connectionPool: { tcp: { idleTimeout: '0.5s' } } })],
    expect: { step: 'SCALE-1', cause: 'SIDECAR_IDLE_TIMEOUT', names: 'DestinationRule istio-system/idle' },
  },
  'THEIRS-TUNNEL': {
    title: 'A rule has the sidecar make a CONNECT of its own',
    proxy,
    objects: (rig) => [
      companyEntry(rig),
      destinationRule('transparent', companyHost, {
        tunnel: { protocol: 'CONNECT', targetHost: 'identity.corp.example', targetPort: 443 },
      }),
    ],
    expect: { step: 'MESH-1', cause: 'SIDECAR_TUNNELS', names: 'DestinationRule istio-system/transparent' },
  },
  'THEIRS-CLIENT-REPLACED': {
    title: 'The pod that requests are sent from is replaced meanwhile (--client)',
    settings: { client: `${shop}/deployment/web` },
    inject: async (rig) => {
      await startWorkload(rig, 'curl');
      rig.beforeStep('MESH-2', () => replaceWorkload(rig));
    },
    undo: stopWorkload,
    expect: { step: 'MESH-2', cause: 'CLIENT_LOST', names: `pod ${shop}/web-` },
  },
  'THEIRS-CLIENT-CLOSED': {
    title: 'It has no curl, and a policy of the cluster lets no ephemeral container in',
    settings: { client: `${shop}/app=web` },
    objects: () =>
      admissionPolicy('no-debugging', '/pods/ephemeralcontainers', ['UPDATE'], {
        expression: 'false',
        message: 'nobody debugs here',
      }),
    inject: (rig) => startWorkload(rig, 'squid'),
    undo: stopWorkload,
    expect: { step: 'set-up', cause: 'ENVIRONMENT', names: 'takes no ephemeral container' },
  },
});
