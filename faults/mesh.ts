import type { Fault, ManifestObject } from './fault.ts';
import type { Rig } from './rig.ts';
import type { Edition } from '../helpers/document/edition.ts';

const entry = 'document/service-entry.yaml';

/** A reader's mistake in the document's ServiceEntry. */
function misread(
  id: string,
  title: string,
  cause: Fault['expect']['cause'],
  mistake: readonly [string, string] | ((text: string, edition: Edition) => string),
): Fault {
  return {
    id,
    title,
    expect: { step: 'MESH-1', cause },
    inject: (rig) => {
      rig.alter(entry, (text) =>
        typeof mistake === 'function' ? mistake(text, rig.edition) : text.replace(...mistake),
      );
    },
  };
}

/** Objects of Istio or Kubernetes that exist before the entry is applied. */
function beside(
  id: string,
  title: string,
  expect: Fault['expect'],
  objects: NonNullable<Fault['objects']>,
): Fault {
  return { id, title, expect, before: 'MESH-1', objects };
}

/** Not a ServiceEntry, but a Namespace that exists. */
const noEntry = ({ edition }: Rig): string =>
  `apiVersion: v1\nkind: Namespace\nmetadata:\n  name: ${edition.namespaces.external}\n`;

const httpService = (rig: Rig): ManifestObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: rig.inMesh('unrelated'),
  spec: { ports: [{ name: 'http', port: rig.edition.proxy.port }] },
});

export const meshFaults: readonly Fault[] = [
  {
    id: 'ENTRY-ABSENT',
    title: 'The ServiceEntry is never applied',
    expect: { step: 'MESH-1', cause: 'SERVICE_ENTRY_MISSING' },
    inject: (rig) => {
      rig.alter(entry, () => noEntry(rig));
    },
  },
  misread('ENTRY-HTTP', 'Protocol HTTP in the entry', 'SERVICE_ENTRY_PROTOCOL', [
    'protocol: TCP',
    'protocol: HTTP',
  ]),
  misread('ENTRY-TLS', 'Protocol TLS in the entry', 'SERVICE_ENTRY_PROTOCOL', [
    'protocol: TCP',
    'protocol: TLS',
  ]),
  misread('ENTRY-HTTPS', 'Protocol HTTPS in the entry', 'SERVICE_ENTRY_PROTOCOL', [
    'protocol: TCP',
    'protocol: HTTPS',
  ]),
  misread('ENTRY-OTHER-ADDRESS', 'Another address in the entry', 'SERVICE_ENTRY_ADDRESS', [
    '${PROXY_IP}/32',
    '10.99.99.99/32',
  ]),
  misread('ENTRY-WIDE-ADDRESS', 'A whole network as the address of the entry', 'SERVICE_ENTRY_ADDRESS', [
    '${PROXY_IP}/32',
    '${PROXY_IP}/16',
  ]),
  misread('ENTRY-NO-ADDRESS', 'No addresses in the entry', 'SERVICE_ENTRY_ADDRESS', [
    '  addresses:\n    - ${PROXY_IP}/32\n',
    '',
  ]),
  misread('ENTRY-OTHER-PORT', 'Another port in the entry', 'SERVICE_ENTRY_PORT', [
    'number: ${PROXY_PORT}',
    'number: 3129',
  ]),
  misread('ENTRY-OTHER-HOST', 'Another host in the entry', 'SERVICE_ENTRY_HOST', (text, edition) =>
    text.replace(edition.entry.host, 'proxy.example.com'),
  ),
  misread('ENTRY-NOT-EXPORTED', 'The entry is exported to another namespace only', 'SERVICE_ENTRY_EXPORT', [
    '  location:',
    '  exportTo:\n    - istio-system\n  location:',
  ]),
  misread(
    'ENTRY-RESOLUTION',
    'The entry resolves to an endpoint of its own',
    'SERVICE_ENTRY_DIFFERS',
    (text) =>
      text
        .replace('  resolution: NONE\n', '')
        .replace(
          '  location:',
          '  resolution: STATIC\n  endpoints:\n    - address: ${PROXY_IP}\n  location:',
        ),
  ),
  beside(
    'EXTRA-ENTRY',
    'An extra entry for en.wikipedia.org',
    { step: 'WHY-1', cause: 'EXTRA_ENTRY' },
    (rig) => [
      {
        apiVersion: 'networking.istio.io/v1',
        kind: 'ServiceEntry',
        metadata: rig.inMesh('wikipedia'),
        spec: {
          hosts: [new URL(rig.edition.request.url).hostname],
          ports: [{ number: 443, name: 'tls', protocol: 'TLS' }],
          location: 'MESH_EXTERNAL',
          resolution: 'NONE',
        },
      },
    ],
  ),
  {
    id: 'SECOND-ENTRY',
    title: 'A second entry for the proxy, in another namespace',
    expect: { step: 'WHY-1', cause: 'EXTRA_ENTRY' },
    before: 'MESH-2',
    objects: (rig) => [secondEntry(rig)],
  },
  {
    id: 'HTTP-SERVICE-3128',
    title: 'An HTTP Service on 3128 and no entry (istio/istio#35526)',
    expect: { step: 'MESH-1', cause: 'SERVICE_ENTRY_MISSING' },
    inject: (rig) => {
      rig.alter(entry, () => noEntry(rig));
    },
    objects: (rig) => [httpService(rig)],
  },
  beside(
    'SIDECAR-NOT-IMPORTING',
    'A Sidecar resource with REGISTRY_ONLY that does not import the entry',
    { step: 'MESH-1', cause: 'SIDECAR_RESOURCE' },
    (rig) => [
      {
        apiVersion: 'networking.istio.io/v1',
        kind: 'Sidecar',
        metadata: rig.inMesh('strict'),
        spec: { egress: [{ hosts: ['istio-system/*'] }], outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' } },
      },
    ],
  ),
  {
    id: 'REGISTRY-ONLY',
    title: 'REGISTRY_ONLY for the whole mesh, without the entry',
    expect: { step: 'MESH-1', cause: 'SERVICE_ENTRY_MISSING' },
    from: 'BEFORE-1',
    before: 'BEFORE-1',
    inject: (rig) => {
      rig.alter('istio.yaml', (text) => text.replace('mode: ALLOW_ANY', 'mode: REGISTRY_ONLY'));
      rig.alter(entry, () => noEntry(rig));
      rig.beforeStep('MESH-1', () =>
        rig.meshConfigMustArrive('REGISTRY_ONLY', (outbound) => outbound.includes('BlackHoleCluster')),
      );
    },
    undo: (rig) => rig.reinstalled('ALLOW_ANY', (outbound) => outbound.includes('PassthroughCluster')),
  },
  {
    id: 'CONTROL-PLANE-DOWN',
    title: 'The control plane is down before the entry is applied',
    expect: { step: 'MESH-1', cause: 'CONTROL_PLANE' },
    before: 'MESH-1',
    inject: (rig) => rig.stopIstiod(),
    undo: (rig) => rig.startIstiod(),
  },
  beside(
    'DESTINATION-RULE-TLS',
    'A DestinationRule that begins TLS towards the proxy',
    { step: 'MESH-1', cause: 'CLUSTER_DIFFERS' },
    (rig) => [
      {
        apiVersion: 'networking.istio.io/v1',
        kind: 'DestinationRule',
        metadata: rig.inMesh('tls-to-proxy'),
        spec: { host: rig.edition.entry.host, trafficPolicy: { tls: { mode: 'SIMPLE' } } },
      },
    ],
  ),
  beside(
    'VIRTUAL-SERVICE-DIVERTS',
    'A VirtualService that sends the proxy’s traffic elsewhere',
    { step: 'MESH-1', cause: 'LISTENER_DIFFERS' },
    (rig) => [
      {
        apiVersion: 'networking.istio.io/v1',
        kind: 'VirtualService',
        metadata: rig.inMesh('divert'),
        spec: {
          hosts: [rig.edition.entry.host],
          tcp: [
            {
              route: [
                {
                  destination: {
                    host: `${rig.edition.client}.${rig.edition.namespaces.mesh}.svc.cluster.local`,
                    port: { number: 80 },
                  },
                },
              ],
            },
          ],
        },
      },
    ],
  ),
  beside(
    'SPLIT-BY-WEIGHT',
    'A VirtualService that splits the proxy’s traffic by weights',
    { step: 'MESH-1', cause: 'LISTENER_DIFFERS' },
    (rig) => [
      {
        apiVersion: 'networking.istio.io/v1',
        kind: 'VirtualService',
        metadata: rig.inMesh('split'),
        spec: {
          hosts: [rig.edition.entry.host],
          tcp: [
            {
              route: [
                { destination: { host: rig.edition.entry.host }, weight: 70 },
                {
                  destination: {
                    host: `${rig.edition.client}.${rig.edition.namespaces.mesh}.svc.cluster.local`,
                    port: { number: 80 },
                  },
                  weight: 30,
                },
              ],
            },
          ],
        },
      },
    ],
  ),
  beside(
    'TUNNEL-IN-RULE',
    'A DestinationRule has the sidecar make a CONNECT of its own',
    { step: 'MESH-1', cause: 'SIDECAR_TUNNELS' },
    (rig) => [
      ruleForTheOutside('transparent-proxy', rig.edition.entry.host, {
        tunnel: { protocol: 'CONNECT', targetHost: 'identity.corp.example', targetPort: 443 },
      }),
    ],
  ),
  {
    ...beside(
      'CONNECTIONS-LIMITED',
      'A DestinationRule for *.com allows three connections, and five tunnels are asked for',
      { step: 'SCALE-1', cause: 'CONNECTION_LIMIT' },
      () => [
        ruleForTheOutside('limits-for-the-outside', '*.com', {
          connectionPool: { tcp: { maxConnections: 3 } },
        }),
      ],
    ),
    load: { clients: 2, tunnels: 5 },
  },
  {
    ...beside(
      'TUNNELS-IDLE',
      'A DestinationRule for *.com closes connections after half a second without a byte',
      { step: 'SCALE-1', cause: 'SIDECAR_IDLE_TIMEOUT' },
      () => [
        ruleForTheOutside('idle-outside', '*.com', { connectionPool: { tcp: { idleTimeout: '0.5s' } } }),
      ],
    ),
    load: { clients: 2, tunnels: 2 },
  },
  {
    ...beside(
      'TUNNELS-CUT',
      'A DestinationRule for *.com closes every connection after two seconds',
      { step: 'SCALE-1', cause: 'SIDECAR_REFUSED' },
      () => [
        ruleForTheOutside('short-outside', '*.com', {
          connectionPool: { tcp: { maxConnectionDuration: '2s' } },
        }),
      ],
    ),
    load: { clients: 2, tunnels: 2 },
  },
  beside(
    'TLS-BY-FILTER',
    'An EnvoyFilter has the sidecar begin TLS towards the proxy',
    { step: 'MESH-1', cause: 'CLUSTER_DIFFERS' },
    (rig) => [
      clusterFilter(rig, 'tls-by-filter', {
        transport_socket: {
          name: 'envoy.transport_sockets.tls',
          typed_config: { '@type': `${tls}.UpstreamTlsContext` },
        },
      }),
    ],
  ),
  beside(
    'LISTENER-REJECTED',
    'An EnvoyFilter makes the listener invalid, and Envoy rejects it',
    { step: 'MESH-1', cause: 'CONFIG_REJECTED' },
    (rig) => [
      envoyFilter(rig, 'invalid', 'MERGE', {
        typed_config: {
          '@type': `${filters}.tcp_proxy.v3.TcpProxy`,
          max_connect_attempts: 0,
        },
      }),
    ],
  ),
  beside(
    'CLUSTER-REJECTED',
    'An EnvoyFilter makes the cluster invalid, and Envoy rejects it',
    { step: 'MESH-1', cause: 'CONFIG_REJECTED' },
    (rig) => [clusterFilter(rig, 'invalid-cluster', { connect_timeout: '0s' })],
  ),
  beside(
    'FILTER-REFUSES',
    'An EnvoyFilter puts an RBAC filter before the TCP proxy that refuses everyone',
    { step: 'MESH-2', cause: 'SIDECAR_REFUSED' },
    (rig) => [
      envoyFilter(rig, 'nobody-out', 'INSERT_BEFORE', {
        name: 'envoy.filters.network.rbac',
        typed_config: {
          '@type': `${filters}.rbac.v3.RBAC`,
          stat_prefix: 'egress',
          rules: { action: 'ALLOW' },
        },
      }),
    ],
  ),
  beside(
    'WEBHOOK-DOWN',
    'An admission webhook for ServiceEntries does not answer',
    { step: 'MESH-1', cause: 'WEBHOOK_FAILED' },
    () => [deadWebhook],
  ),
  {
    id: 'RIVAL-ENTRY',
    title: 'An older entry with another host claims the same address and port',
    expect: { step: 'MESH-1', cause: 'LISTENER_DIFFERS' },
    before: 'MESH-1',
    objects: (rig) => [rivalEntry(rig)],
  },
];

const filters = 'type.googleapis.com/envoy.extensions.filters.network';

function ruleForTheOutside(name: string, host: string, trafficPolicy: object): ManifestObject {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: { name, namespace: 'istio-system' },
    spec: { host, trafficPolicy },
  };
}

const tls = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3';

function clusterFilter(rig: Rig, name: string, value: object): ManifestObject {
  const match = { context: 'SIDECAR_OUTBOUND', cluster: { service: rig.edition.entry.host } };
  return {
    apiVersion: 'networking.istio.io/v1alpha3',
    kind: 'EnvoyFilter',
    metadata: rig.inMesh(name),
    spec: { configPatches: [{ applyTo: 'CLUSTER', match, patch: { operation: 'MERGE', value } }] },
  };
}

/** An EnvoyFilter for the TCP proxy of the listener for the proxy. */
function envoyFilter(rig: Rig, name: string, operation: string, value: object): ManifestObject {
  const filterChain = { filter: { name: 'envoy.filters.network.tcp_proxy' } };
  const listener = { portNumber: rig.edition.proxy.port, filterChain };
  return {
    apiVersion: 'networking.istio.io/v1alpha3',
    kind: 'EnvoyFilter',
    metadata: rig.inMesh(name),
    spec: {
      configPatches: [
        {
          applyTo: 'NETWORK_FILTER',
          match: { context: 'SIDECAR_OUTBOUND', listener },
          patch: { operation, value },
        },
      ],
    },
  };
}

/** Its Service does not exist. */
const deadWebhook: ManifestObject = Object.assign(
  {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: 'company-policy' },
  },
  {
    webhooks: [
      {
        name: 'serviceentries.company-policy.example.com',
        clientConfig: { service: { name: 'company-policy', namespace: 'company-policy', path: '/validate' } },
        rules: [
          {
            apiGroups: ['networking.istio.io'],
            apiVersions: ['*'],
            operations: ['CREATE', 'UPDATE'],
            resources: ['serviceentries'],
          },
        ],
        failurePolicy: 'Fail',
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
        timeoutSeconds: 5,
      },
    ],
  },
);

function secondEntry(rig: Rig): ManifestObject {
  const rival = rivalEntry(rig);
  return {
    ...rival,
    metadata: rig.outside(rig.edition.entry.name),
    spec: { ...rival.spec, hosts: [rig.edition.entry.host] },
  };
}

function rivalEntry(rig: Rig): ManifestObject {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'ServiceEntry',
    metadata: rig.inMesh('another-proxy'),
    spec: {
      hosts: ['another-proxy.example.com'],
      addresses: [`${rig.world.proxy().ip}/32`],
      ports: [{ number: rig.edition.proxy.port, name: 'tcp', protocol: 'TCP' }],
      location: 'MESH_EXTERNAL',
      resolution: 'NONE',
    },
  };
}
