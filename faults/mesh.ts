import type { Edition } from '../helpers/document/edition.ts';
import { identified, type Fault, type FaultEntry } from './fault.ts';
import {
  clusterWide,
  destinationRule,
  envoyFilter,
  istio,
  ruleFor,
  service,
  serviceEntry,
  tcp,
  tcpListener,
  tls,
  typed,
  type ManifestObject,
} from './objects.ts';
import type { Rig } from './rig.ts';

const entry = 'document/service-entry.yaml';

/** A reader's mistake in the document's ServiceEntry: one text in place of another. */
function misread(
  title: string,
  cause: Fault['expect']['cause'],
  ...mistakes: readonly (readonly [written: string | ((edition: Edition) => string), instead: string])[]
): FaultEntry {
  return {
    title,
    expect: { step: 'MESH-1', cause },
    inject: (rig) => {
      rig.alter(entry, (text) =>
        mistakes.reduce((altered, [written, instead]) => {
          return altered.replace(typeof written === 'string' ? written : written(rig.edition), instead);
        }, text),
      );
    },
  };
}

function wrongProtocol(protocol: string): FaultEntry {
  const mistake = ['protocol: TCP', `protocol: ${protocol}`] as const;
  return misread(`Protocol ${protocol} in the entry`, 'SERVICE_ENTRY_PROTOCOL', mistake);
}

/** The reader applies a Namespace that exists in place of the entry. */
function forgetEntry(rig: Rig): void {
  rig.alter(entry, () => `apiVersion: v1\nkind: Namespace\nmetadata:\n  name: ${external(rig)}\n`);
}

const mesh = ({ edition }: Rig): string => edition.namespaces.mesh;
const external = ({ edition }: Rig): string => edition.namespaces.external;
const host = ({ edition }: Rig): string => edition.entry.host;
const port = ({ edition }: Rig): number => edition.proxy.port;

/** A VirtualService for the proxy's traffic; `share` of it stays its own. */
function diverted(rig: Rig, name: string, share: number): ManifestObject {
  const client = `${rig.edition.client}.${mesh(rig)}.svc.cluster.local`;
  const elsewhere = { destination: { host: client, port: { number: 80 } }, weight: 100 - share };
  const own = { destination: { host: host(rig) }, weight: share };
  const route = share === 0 ? [elsewhere] : [own, elsewhere];
  return istio('networking', 'VirtualService', mesh(rig), name, { hosts: [host(rig)], tcp: [{ route }] });
}

/** An EnvoyFilter for the cluster of the entry. */
function clusterFilter(rig: Rig, name: string, value: object): ManifestObject {
  const match = { cluster: { service: host(rig) } };
  return envoyFilter(mesh(rig), name, { applyTo: 'CLUSTER', match, value });
}

/** Another entry for the proxy. */
function rival(rig: Rig, namespace: string, name: string, hosts: readonly string[]): ManifestObject {
  const addresses = [`${rig.world.proxy().ip}/32`];
  return serviceEntry(namespace, name, { hosts, addresses, ports: [tcp(port(rig))], resolution: 'NONE' });
}

export const meshFaults: readonly Fault[] = identified<FaultEntry>({
  'ENTRY-ABSENT': {
    title: 'The ServiceEntry is never applied',
    expect: { step: 'MESH-1', cause: 'SERVICE_ENTRY_MISSING' },
    inject: forgetEntry,
  },
  'ENTRY-HTTP': wrongProtocol('HTTP'),
  'ENTRY-TLS': wrongProtocol('TLS'),
  'ENTRY-HTTPS': wrongProtocol('HTTPS'),
  'ENTRY-OTHER-ADDRESS': misread('Another address in the entry', 'SERVICE_ENTRY_ADDRESS', [
    '${PROXY_IP}/32',
    '10.99.99.99/32',
  ]),
  'ENTRY-WIDE-ADDRESS': misread('A whole network as the address of the entry', 'SERVICE_ENTRY_ADDRESS', [
    '${PROXY_IP}/32',
    '${PROXY_IP}/16',
  ]),
  'ENTRY-NO-ADDRESS': misread('No addresses in the entry', 'SERVICE_ENTRY_ADDRESS', [
    '  addresses:\n    - ${PROXY_IP}/32\n',
    '',
  ]),
  'ENTRY-OTHER-PORT': misread('Another port in the entry', 'SERVICE_ENTRY_PORT', [
    'number: ${PROXY_PORT}',
    'number: 3129',
  ]),
  'ENTRY-OTHER-HOST': misread('Another host in the entry', 'SERVICE_ENTRY_HOST', [
    (edition) => edition.entry.host,
    'proxy.example.com',
  ]),
  'ENTRY-NOT-EXPORTED': misread('The entry is exported to another namespace only', 'SERVICE_ENTRY_EXPORT', [
    '  location:',
    '  exportTo:\n    - istio-system\n  location:',
  ]),
  'ENTRY-RESOLUTION': misread(
    'The entry resolves to an endpoint of its own',
    'SERVICE_ENTRY_DIFFERS',
    ['  resolution: NONE\n', ''],
    ['  location:', '  resolution: STATIC\n  endpoints:\n    - address: ${PROXY_IP}\n  location:'],
  ),
  'EXTRA-ENTRY': {
    title: 'An extra entry for en.wikipedia.org',
    expect: { step: 'WHY-1', cause: 'EXTRA_ENTRY' },
    before: 'MESH-1',
    objects: (rig) => {
      const hosts = [new URL(rig.edition.request.url).hostname];
      return [serviceEntry(mesh(rig), 'wikipedia', { hosts, ports: [tls], resolution: 'NONE' })];
    },
  },
  'SECOND-ENTRY': {
    title: 'A second entry for the proxy, in another namespace',
    expect: { step: 'WHY-1', cause: 'EXTRA_ENTRY' },
    before: 'MESH-2',
    objects: (rig) => [rival(rig, external(rig), rig.edition.entry.name, [host(rig)])],
  },
  'HTTP-SERVICE-3128': {
    title: 'An HTTP Service on 3128 and no entry (istio/istio#35526)',
    expect: { step: 'MESH-1', cause: 'SERVICE_ENTRY_MISSING' },
    inject: forgetEntry,
    objects: (rig) => [service(mesh(rig), 'unrelated', { name: 'http', port: port(rig) })],
  },
  'SIDECAR-NOT-IMPORTING': {
    title: 'A Sidecar resource with REGISTRY_ONLY that does not import the entry',
    expect: { step: 'MESH-1', cause: 'SIDECAR_RESOURCE' },
    before: 'MESH-1',
    objects: (rig) => [
      istio('networking', 'Sidecar', mesh(rig), 'strict', {
        egress: [{ hosts: ['istio-system/*'] }],
        outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' },
      }),
    ],
  },
  'REGISTRY-ONLY': {
    title: 'REGISTRY_ONLY for the whole mesh, without the entry',
    expect: { step: 'MESH-1', cause: 'SERVICE_ENTRY_MISSING' },
    from: 'BEFORE-1',
    before: 'BEFORE-1',
    inject: (rig) => {
      rig.alter('istio.yaml', (text) => text.replace('mode: ALLOW_ANY', 'mode: REGISTRY_ONLY'));
      forgetEntry(rig);
      rig.beforeStep('MESH-1', () =>
        rig.meshConfigMustArrive('REGISTRY_ONLY', (outbound) => outbound.includes('BlackHoleCluster')),
      );
    },
    undo: (rig) => rig.reinstalled('ALLOW_ANY', (outbound) => outbound.includes('PassthroughCluster')),
  },
  'CONTROL-PLANE-DOWN': {
    title: 'The control plane is down before the entry is applied',
    expect: { step: 'MESH-1', cause: 'CONTROL_PLANE' },
    before: 'MESH-1',
    inject: (rig) => rig.stopIstiod(),
    undo: (rig) => rig.startIstiod(),
  },
  'DESTINATION-RULE-TLS': {
    title: 'A DestinationRule that begins TLS towards the proxy',
    expect: { step: 'MESH-1', cause: 'CLUSTER_DIFFERS' },
    before: 'MESH-1',
    objects: (rig) => [
      istio('networking', 'DestinationRule', mesh(rig), 'tls-to-proxy', {
        host: host(rig),
        trafficPolicy: { tls: { mode: 'SIMPLE' } },
      }),
    ],
  },
  'VIRTUAL-SERVICE-DIVERTS': {
    title: 'A VirtualService that sends the proxy’s traffic elsewhere',
    expect: { step: 'MESH-1', cause: 'LISTENER_DIFFERS' },
    before: 'MESH-1',
    objects: (rig) => [diverted(rig, 'divert', 0)],
  },
  'SPLIT-BY-WEIGHT': {
    title: 'A VirtualService that splits the proxy’s traffic by weights',
    expect: { step: 'MESH-1', cause: 'LISTENER_DIFFERS' },
    before: 'MESH-1',
    objects: (rig) => [diverted(rig, 'split', 70)],
  },
  'TUNNEL-IN-RULE': {
    title: 'A DestinationRule has the sidecar make a CONNECT of its own',
    expect: { step: 'MESH-1', cause: 'SIDECAR_TUNNELS' },
    before: 'MESH-1',
    objects: (rig) => [
      destinationRule('transparent-proxy', host(rig), {
        tunnel: { protocol: 'CONNECT', targetHost: 'identity.corp.example', targetPort: 443 },
      }),
    ],
  },
  'CONNECTIONS-LIMITED': {
    title: 'A DestinationRule for *.com allows three connections, and five tunnels are asked for',
    expect: { step: 'SCALE-1', cause: 'CONNECTION_LIMIT' },
    before: 'MESH-1',
    objects: () => [
      destinationRule('limits-outside', '*.com', { connectionPool: { tcp: { maxConnections: 3 } } }),
    ],
    load: { clients: 2, tunnels: 5 },
  },
  'TUNNELS-IDLE': {
    title: 'A DestinationRule for *.com closes connections after half a second without a byte',
    expect: { step: 'SCALE-1', cause: 'SIDECAR_IDLE_TIMEOUT' },
    before: 'MESH-1',
    objects: () => [
      destinationRule('idle-outside', '*.com', { connectionPool: { tcp: { idleTimeout: '0.5s' } } }),
    ],
    load: { clients: 2, tunnels: 2 },
  },
  'TUNNELS-CUT': {
    title: 'A DestinationRule for *.com closes every connection after two seconds',
    expect: { step: 'SCALE-1', cause: 'SIDECAR_REFUSED' },
    before: 'MESH-1',
    objects: () => {
      const tcp = { maxConnectionDuration: '2s' };
      return [destinationRule('short-outside', '*.com', { connectionPool: { tcp } })];
    },
    load: { clients: 2, tunnels: 2 },
  },
  'TLS-BY-FILTER': {
    title: 'An EnvoyFilter has the sidecar begin TLS towards the proxy',
    expect: { step: 'MESH-1', cause: 'CLUSTER_DIFFERS' },
    before: 'MESH-1',
    objects: (rig) => {
      const begun = typed('transport_sockets.tls.v3.UpstreamTlsContext');
      const transport_socket = { name: 'envoy.transport_sockets.tls', ...begun };
      return [clusterFilter(rig, 'tls-by-filter', { transport_socket })];
    },
  },
  'LISTENER-REJECTED': {
    title: 'An EnvoyFilter makes the listener invalid, and Envoy rejects it',
    expect: { step: 'MESH-1', cause: 'CONFIG_REJECTED' },
    before: 'MESH-1',
    objects: (rig) => [
      envoyFilter(mesh(rig), 'invalid', {
        applyTo: 'NETWORK_FILTER',
        match: tcpListener(port(rig)),
        value: typed('filters.network.tcp_proxy.v3.TcpProxy', { max_connect_attempts: 0 }),
      }),
    ],
  },
  'CLUSTER-REJECTED': {
    title: 'An EnvoyFilter makes the cluster invalid, and Envoy rejects it',
    expect: { step: 'MESH-1', cause: 'CONFIG_REJECTED' },
    before: 'MESH-1',
    objects: (rig) => [clusterFilter(rig, 'invalid-cluster', { connect_timeout: '0s' })],
  },
  'FILTER-REFUSES': {
    title: 'An EnvoyFilter puts an RBAC filter before the TCP proxy that refuses everyone',
    expect: { step: 'MESH-2', cause: 'SIDECAR_REFUSED' },
    before: 'MESH-1',
    objects: (rig) => {
      const rbac = { stat_prefix: 'egress', rules: { action: 'ALLOW' } };
      return [
        envoyFilter(mesh(rig), 'refuse-all', {
          applyTo: 'NETWORK_FILTER',
          match: tcpListener(port(rig)),
          operation: 'INSERT_BEFORE',
          value: { name: 'envoy.filters.network.rbac', ...typed('filters.network.rbac.v3.RBAC', rbac) },
        }),
      ];
    },
  },
  'WEBHOOK-DOWN': {
    title: 'An admission webhook for ServiceEntries does not answer',
    expect: { step: 'MESH-1', cause: 'WEBHOOK_FAILED' },
    before: 'MESH-1',
    objects: () => [deadWebhook],
  },
  'RIVAL-ENTRY': {
    title: 'An older entry with another host claims the same address and port',
    expect: { step: 'MESH-1', cause: 'LISTENER_DIFFERS' },
    before: 'MESH-1',
    objects: (rig) => [rival(rig, mesh(rig), 'another-proxy', ['another-proxy.example.com'])],
  },
});

/** Its Service does not exist. */
const deadWebhook: ManifestObject = Object.assign(
  clusterWide('ValidatingWebhookConfiguration', 'company-policy'),
  {
    webhooks: [
      {
        name: 'serviceentries.company-policy.example.com',
        clientConfig: { service: { name: 'company-policy', namespace: 'company-policy', path: '/validate' } },
        rules: [ruleFor('networking.istio.io/serviceentries', ['CREATE', 'UPDATE'])],
        failurePolicy: 'Fail',
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
        timeoutSeconds: 5,
      },
    ],
  },
);
