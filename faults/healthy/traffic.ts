import {
  destinationRule,
  istio,
  namespace,
  root,
  service,
  serviceEntry,
  tcp,
  tls,
  type ManifestObject,
} from '../objects.ts';
import { identified } from '../fault.ts';
import type { HealthyMesh, HealthyMeshEntry } from './mesh.ts';
import { bank, shop, type HealthyRig } from './rig.ts';

/** What decides where connections go, and how. */

/** The default Sidecar of a namespace, or of the mesh: which hosts it imports, and whether it blocks all others. */
function sidecar(hosts: readonly string[], registryOnly: boolean, namespace = root): ManifestObject {
  const blocking = registryOnly ? { outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' } } : {};
  return istio('networking', 'Sidecar', namespace, 'default', { ...blocking, egress: [{ hosts }] });
}

/** An entry that sends connections on to the address that the client asks for. */
function passing(host: string, port: object, addresses?: readonly string[], from = root): ManifestObject {
  const [name = ''] = host.replace('*.', '').split('.');
  return serviceEntry(from, name, {
    hosts: [host],
    ...(addresses && { addresses }),
    ports: [port],
    resolution: 'NONE',
  });
}

/** Registered destinations outside, one of them on the proxy's port at an address of its own. */
function manyEntries(): ManifestObject[] {
  return Array.from({ length: 200 }, (_, index) => {
    const [port, address] =
      index === 100 ? [3128, '192.0.2.100/32'] : [5000 + index, `198.51.100.${index}/32`];
    return passing(`partner-${index}.example.com`, tcp(port), [address], shop);
  });
}

/** Another host's way through an egress gateway, as Istio's documents write it. */
function egressElsewhere(): ManifestObject[] {
  const host = 'api.partner.example.com';
  const gateway = 'istio-egressgateway.istio-system.svc.cluster.local';
  return [
    serviceEntry(shop, 'partner-api', {
      hosts: [host],
      ports: [tls],
      resolution: 'DNS',
    }),
    service(root, 'istio-egressgateway', { name: 'tls', port: 443 }),
    istio('networking', 'Gateway', shop, 'egress', {
      selector: { istio: 'egressgateway' },
      servers: [
        { port: { number: 443, name: 'tls', protocol: 'TLS' }, hosts: [host], tls: { mode: 'PASSTHROUGH' } },
      ],
    }),
    istio('networking', 'VirtualService', shop, 'partner-through-gateway', {
      hosts: [host],
      gateways: ['mesh', 'egress'],
      tls: [
        {
          match: [{ gateways: ['mesh'], port: 443, sniHosts: [host] }],
          route: [{ destination: { host: gateway, port: { number: 443 } } }],
        },
        {
          match: [{ gateways: ['egress'], port: 443, sniHosts: [host] }],
          route: [{ destination: { host, port: { number: 443 } } }],
        },
      ],
    }),
  ];
}

/** As many Services and entries as a large company has. */
async function grow(rig: HealthyRig): Promise<void> {
  await rig.apply(namespace(crowd));
  const objects = Array.from({ length: 500 }, (_, index) => [
    service(crowd, `service-${index}`, { name: 'http', port: 8000 + (index % 40) }),
    serviceEntry(crowd, `entry-${index}`, {
      hosts: [`host-${index}.example.org`],
      ports: [tls],
      resolution: 'DNS',
    }),
  ]).flat();
  const parts = Object.values(Object.groupBy(objects.entries(), ([index]) => index % 10));
  await Promise.all(parts.map((part = []) => rig.apply(...part.map(([, object]) => object))));
}

const crowd = 'other-crowd';

export const trafficMeshes: readonly HealthyMesh[] = identified<HealthyMeshEntry>({
  'REGISTRY-ONLY-SIDECAR': {
    title: 'REGISTRY_ONLY by a default Sidecar, which imports every host',
    objects: () => [sidecar(['*/*'], true)],
  },
  'REGISTRY-ONLY-MESH': {
    title: 'REGISTRY_ONLY by meshConfig',
    meshConfig: { outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' } },
  },
  'DEFAULT-SIDECAR': {
    title: 'A default Sidecar that imports the own namespace and istio-system',
    objects: () => [sidecar(['./*', 'istio-system/*'], false)],
  },
  'DEFAULT-SIDECAR-REGISTRY-ONLY': {
    title: 'Both: own namespace and istio-system alone, and REGISTRY_ONLY',
    objects: () => [sidecar(['./*', 'istio-system/*'], true)],
  },
  'ROOT-NAMESPACE': {
    title: 'Another root namespace than Istio’s own (rootNamespace), with such a default Sidecar in it',
    meshConfig: { rootNamespace: shop },
    objects: () => [sidecar(['./*', 'istio-system/*'], true, shop)],
  },
  'SIDECAR-WITH-PORTS': {
    title: 'A default Sidecar that imports by port, the proxy’s among them',
    objects: () => [
      istio('networking', 'Sidecar', root, 'default', {
        egress: [{ port: tcp(3128), hosts: ['*/*'] }, { hosts: ['*/*'] }],
      }),
    ],
  },
  'EGRESS-PROXY': {
    title: 'What is not registered goes to an egress gateway, by a default Sidecar (egressProxy)',
    objects: () => [
      service(shop, 'egress', { name: 'tcp', port: 15443 }),
      istio('networking', 'Sidecar', root, 'default', {
        outboundTrafficPolicy: {
          mode: 'ALLOW_ANY',
          egressProxy: { host: `egress.${shop}.svc.cluster.local`, port: { number: 15443 } },
        },
        egress: [{ hosts: ['*/*'] }],
      }),
    ],
  },
  'HTTP-SERVICE-ON-3128': {
    title: 'Another team’s HTTP Service on 3128',
    objects: () => [service(shop, 'catalogue', { name: 'http', port: 3128 })],
  },
  'HTTP-SERVICE-ON-8080': {
    title: 'Another team’s HTTP Service on 8080, the port of the company’s proxy',
    proxy: { port: 8080 },
    objects: () => [service(shop, 'catalogue', { name: 'http', port: 8080 })],
  },
  'TCP-SERVICE-ON-3128': {
    title: 'Another team’s TCP Service on 3128',
    objects: () => [service(shop, 'queue', { name: 'tcp-queue', port: 3128 })],
  },
  'WIDE-ENTRY': {
    title: 'A TCP entry for the whole company network on 3128',
    objects: () => [passing('company-network.example.com', tcp(3128), ['10.0.0.0/8'])],
  },
  'OTHER-PROXY': {
    title: 'Another proxy by name on 3128, without addresses',
    objects: () => [
      serviceEntry(root, 'other-proxy', {
        hosts: ['other-proxy.example.com'],
        ports: [tcp(3128)],
        resolution: 'DNS',
      }),
    ],
  },
  'MANY-ENTRIES': {
    title: '200 TCP entries, one of them on 3128 at an address that is not the proxy’s',
    objects: manyEntries,
  },
  'DESTINATION-REGISTERED': {
    title: 'A TLS entry for the destination, for traffic that goes around the proxy',
    objects: () => [passing('www.wikipedia.org', tls), passing('*.wikipedia.org', tls)],
  },
  'SAME-HOST-ELSEWHERE': {
    title: 'Another team’s entry with the document’s host, for another address',
    objects: () => [passing('my-company-proxy.com', tcp(3128), ['192.0.2.77/32'], shop)],
  },
  'OTHER-TEAMS-SIDECAR': {
    title: 'REGISTRY_ONLY and few imports by a Sidecar of another namespace',
    objects: () => [sidecar(['./*'], true, shop)],
  },
  'PATH-NORMALIZATION': {
    title: 'Paths are normalized, by meshConfig',
    meshConfig: { pathNormalization: { normalization: 'MERGE_SLASHES' } },
  },
  'WILDCARD-ENTRY': {
    title: 'A TLS entry for *.wikimedia.org, and one for a TCP host on 443',
    objects: () => [
      passing('*.wikimedia.org', tls, undefined, shop),
      serviceEntry(shop, 'tcp-on-443', {
        hosts: ['vault.partner.example.com'],
        ports: [tcp(443)],
        resolution: 'DNS',
      }),
    ],
  },
  'EGRESS-ELSEWHERE': {
    title: 'Gateway, VirtualService and egress gateway for another host',
    objects: egressElsewhere,
  },
  'VIRTUAL-MACHINES': {
    title: 'Virtual machines of the company as WorkloadEntries of a ServiceEntry',
    objects: () => [
      istio('networking', 'ServiceEntry', bank, 'ledger', {
        hosts: ['ledger.bank.example.com'],
        ports: [tcp(9000)],
        location: 'MESH_INTERNAL',
        resolution: 'STATIC',
        workloadSelector: { labels: { app: 'ledger' } },
      }),
      istio('networking', 'WorkloadEntry', bank, 'ledger-1', {
        address: '192.0.2.31',
        labels: { app: 'ledger' },
      }),
    ],
  },
  'EXPORT-DEFAULTS': {
    title: 'Entries, VirtualServices and DestinationRules are exported to their own namespace by default',
    meshConfig: {
      defaultServiceExportTo: ['.'],
      defaultVirtualServiceExportTo: ['.'],
      defaultDestinationRuleExportTo: ['.'],
    },
  },
  'OUTLIER-DETECTION': {
    title: 'Outlier detection for every host',
    objects: () => {
      const outlierDetection = { consecutive5xxErrors: 5, interval: '10s', baseEjectionTime: '30s' };
      return [destinationRule('outliers', '*', { outlierDetection })];
    },
  },
  'CONNECTION-LIMITS': {
    title: 'At most three connections to hosts under .com, the entry’s included',
    objects: () => [
      destinationRule('limits-outside', '*.com', { connectionPool: { tcp: { maxConnections: 3 } } }),
    ],
  },
  'IDLE-TIMEOUT': {
    title: 'An idle timeout of half a second for hosts under .com',
    objects: () => [
      destinationRule('idle-outside', '*.com', { connectionPool: { tcp: { idleTimeout: '0.5s' } } }),
    ],
  },
  'RULE-FOR-OTHERS': {
    title: 'A rule with TLS and a tunnel for every host, for other workloads of the client’s namespace',
    objects: ({ run }) => [
      istio('networking', 'DestinationRule', run.mesh, 'others', {
        host: '*.com',
        workloadSelector: { matchLabels: { app: 'other' } },
        trafficPolicy: {
          tls: { mode: 'SIMPLE' },
          tunnel: { protocol: 'CONNECT', targetHost: 'identity.corp.example', targetPort: 443 },
        },
      }),
    ],
  },
  'AMBIENT-BESIDE': {
    title: 'Namespaces beside are labelled for ambient mode, and for a waypoint',
    objects: () =>
      ['other-ambient', 'other-waypoint'].map((name) =>
        namespace(name, { 'istio.io/dataplane-mode': 'ambient', 'istio.io/use-waypoint': 'waypoint' }),
      ),
  },
  'MTLS-IN-THE-CLUSTER': {
    title: 'Mutual TLS to every Service of the cluster, by a DestinationRule for *.local',
    objects: () => [destinationRule('mutual-tls', '*.local', { tls: { mode: 'ISTIO_MUTUAL' } })],
  },
  LOCALITY: {
    title: 'Locality failover in meshConfig, and a rule that uses it',
    meshConfig: { localityLbSetting: { enabled: true, failover: [{ from: 'eu-central', to: 'eu-west' }] } },
    objects: () => [
      destinationRule('locality', '*.local', {
        loadBalancer: { localityLbSetting: { enabled: true } },
        outlierDetection: { consecutive5xxErrors: 5 },
      }),
    ],
  },
  'TCP-KEEPALIVE': {
    title: 'Keepalive and a connect timeout of 3 s in meshConfig',
    meshConfig: { tcpKeepalive: { time: '300s', interval: '60s', probes: 5 }, connectTimeout: '3s' },
  },
  'H2-UPGRADE': {
    title: 'HTTP/1.1 becomes HTTP/2 between sidecars, by meshConfig',
    meshConfig: { h2UpgradePolicy: 'UPGRADE' },
  },
  'BIG-MESH': {
    title: '500 Services and 500 entries of other people',
    inject: grow,
    undo: (rig) => rig.remove(namespace(crowd)),
  },
});
