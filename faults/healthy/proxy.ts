import { kubeObject } from '../../helpers/kube/manifests.ts';
import {
  companyEntry,
  routes,
  secondEntry,
  startGateway,
  stopGateway,
  throughGateway,
  toProxy,
  workloadEntry,
} from './company.ts';
import {
  destinationRule,
  istio,
  root,
  service,
  serviceEntry,
  tcp,
  tls,
  type ManifestObject,
} from '../objects.ts';
import { identified } from '../fault.ts';
import type { HealthyMesh, HealthyMeshEntry } from './mesh.ts';
import { companyHost, shop, type HealthyRig } from './rig.ts';

/** What leads to the company's own proxy. */

/** A Service that leads to the proxy by addresses that are written by hand: it selects no pods. */
function serviceForProxy({ proxyIp }: HealthyRig): ManifestObject[] {
  const slice = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { namespace: shop, name: 'proxy-1', labels: { 'kubernetes.io/service-name': 'proxy' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: [proxyIp] }],
    ports: [{ name: 'tcp-proxy', port: 3128, protocol: 'TCP' }],
  };
  return [service(shop, 'proxy', { name: 'tcp-proxy', port: 3128 }), slice];
}

export const proxyMeshes: readonly HealthyMesh[] = identified<HealthyMeshEntry>({
  'COMPANY-ENTRY': {
    title: 'The company’s own TCP entry for its proxy',
    proxy: { port: 3128 },
    objects: (rig) => [companyEntry(rig)],
  },
  'COMPANY-ENTRY-STATIC': {
    title: 'The same with resolution STATIC, and the proxy as its endpoint',
    proxy: { port: 3128 },
    objects: (rig) => [companyEntry(rig, { resolution: 'STATIC', endpoints: [{ address: rig.proxyIp }] })],
  },
  'COMPANY-ENTRY-PASSTHROUGH': {
    title: 'The same, and a rule that has connections go to the address asked for (PASSTHROUGH)',
    proxy: { port: 3128 },
    objects: (rig) => [
      companyEntry(rig, { resolution: 'STATIC', endpoints: [{ address: rig.proxyIp }] }),
      destinationRule('corp-proxy', companyHost, { loadBalancer: { simple: 'PASSTHROUGH' } }),
    ],
  },
  'COMPANY-ENTRY-NETWORK': {
    title: 'The same with an endpoint in another network and locality, as meshes of several clusters have it',
    proxy: { port: 3128 },
    objects: (rig) => [
      companyEntry(rig, {
        resolution: 'STATIC',
        endpoints: [{ address: rig.proxyIp, network: 'data-centre-2', locality: 'eu-west/1', weight: 10 }],
      }),
    ],
  },
  'COMPANY-ENTRY-WITH-MORE': {
    title: 'The same with two hosts, further ports and addresses, IPv6 too',
    proxy: { port: 3128 },
    objects: (rig) => [
      companyEntry(rig, {
        hosts: [companyHost, 'cache.corp.example'],
        addresses: [`${rig.proxyIp}/32`, '2001:db8::1/128', '192.0.2.66'],
        ports: [tcp(3128), { ...tcp(8080), name: 'tcp-8080' }, tls],
      }),
    ],
  },
  'COMPANY-ENTRY-RULED': {
    title: 'A DestinationRule for the company’s proxy: long timeouts, keepalive, outlier detection, no TLS',
    proxy: { port: 3128 },
    objects: (rig) => [
      companyEntry(rig),
      destinationRule('corp-proxy', companyHost, {
        connectionPool: {
          tcp: { connectTimeout: '10s', maxConnections: 1000, tcpKeepalive: { time: '300s' } },
        },
        loadBalancer: { simple: 'LEAST_REQUEST' },
        outlierDetection: { consecutive5xxErrors: 5 },
        portLevelSettings: [{ port: { number: 3128 }, tls: { mode: 'DISABLE' } }],
      }),
    ],
  },
  'AN-ENTRY-EACH': {
    title: 'Two machines of the company’s proxy, and an entry for each, in two namespaces',
    proxy: { port: 3128, both: true },
    objects: (rig) => [companyEntry(rig), secondEntry(rig)],
  },
  'AN-ENTRY-EACH-CHOSEN': {
    title: 'The same, and --entry names one of them',
    proxy: { port: 3128, both: true },
    settings: { entry: `${shop}/corp-proxy-2` },
    objects: (rig) => [companyEntry(rig), secondEntry(rig)],
  },
  'ONE-ENTRY-FOR-BOTH': {
    title: 'Two machines of the company’s proxy as endpoints of one entry',
    proxy: { port: 3128, both: true },
    objects: (rig) => {
      const addresses = [rig.proxyIp, rig.secondProxyIp];
      const endpoints = addresses.map((address) => ({ address }));
      return [companyEntry(rig, { addresses, resolution: 'STATIC', endpoints })];
    },
  },
  'ENTRY-OF-WORKLOADS': {
    title: 'The company’s entry selects its proxy, which is a WorkloadEntry',
    proxy: { port: 3128 },
    objects: (rig) => workloadEntry(rig),
  },
  'ENTRY-EXPORTED': {
    title: 'The company’s entry lies in a namespace of its own, and is exported to the client’s alone',
    proxy: { port: 3128 },
    objects: (rig) => {
      const { spec } = companyEntry(rig, { exportTo: [rig.run.mesh] });
      return [serviceEntry(shop, 'corp-proxy', spec ?? {})];
    },
  },
  'ENTRY-TWICE': {
    title: 'Two teams have the same entry for the company’s proxy',
    proxy: { port: 3128 },
    objects: (rig) => {
      const entry = companyEntry(rig);
      return [entry, serviceEntry(shop, 'corp-proxy', entry.spec ?? {})];
    },
  },
  'ROUTE-TO-THE-PROXY': {
    title: 'A VirtualService that routes the proxy’s port to the proxy',
    proxy: { port: 3128 },
    objects: (rig) => [companyEntry(rig), routes([toProxy()])],
  },
  'ROUTE-FOR-OTHERS': {
    title:
      'A VirtualService that routes it elsewhere for clients of another namespace, and to the proxy for all others',
    proxy: { port: 3128 },
    objects: (rig) => [
      companyEntry(rig),
      istio('networking', 'VirtualService', root, 'corp-proxy', {
        hosts: [companyHost],
        tcp: [
          {
            match: [{ port: 3128, sourceNamespace: shop }],
            route: [{ destination: { host: 'gone.example.com', port: { number: 3128 } } }],
          },
          { match: [{ port: 3128 }], route: [toProxy()] },
        ],
      }),
    ],
  },
  'ROUTE-BY-SUBSETS': {
    title: 'A VirtualService that splits it between two subsets of the proxy',
    proxy: { port: 3128 },
    objects: (rig) => [
      companyEntry(rig),
      istio('networking', 'DestinationRule', root, 'corp-proxy', {
        host: companyHost,
        subsets: ['blue', 'green'].map((name) => ({ name, labels: {} })),
      }),
      routes(['blue', 'green'].map((subset) => ({ ...toProxy({ subset }), weight: 50 }))),
    ],
  },
  'EGRESS-GATEWAY': {
    title: 'The company’s proxy is reached through an egress gateway',
    proxy: { port: 3128 },
    objects: (rig) => throughGateway(rig),
    inject: startGateway,
    undo: stopGateway,
  },
  'EXTERNAL-IP-BESIDE': {
    title: 'A Service without pods has the proxy’s address among its externalIPs',
    proxy: { port: 3128 },
    objects: (rig) => [
      companyEntry(rig),
      kubeObject(
        'Service',
        { namespace: shop, name: 'published' },
        { spec: { externalIPs: [rig.proxyIp], ports: [{ name: 'tcp', port: 3128 }] } },
      ),
    ],
  },
  'SERVICE-FOR-THE-PROXY': {
    title: 'A TCP Service without a selector, whose endpoint is the company’s proxy',
    proxy: { port: 3128 },
    objects: serviceForProxy,
  },
  'COMPANY-ENTRY-BY-NAME': {
    title: 'The company’s own TCP entry for its proxy by name, resolved by DNS',
    proxy: { port: 3128, byName: true },
    objects: (rig) => [companyEntry(rig, { addresses: undefined, resolution: 'DNS' })],
  },
  'COMPANY-ENTRY-ROUND-ROBIN': {
    title: 'The same with resolution DNS_ROUND_ROBIN',
    proxy: { port: 3128, byName: true },
    objects: (rig) => [companyEntry(rig, { addresses: undefined, resolution: 'DNS_ROUND_ROBIN' })],
  },
  'NAME-OF-TWO': {
    title: 'The proxy’s name has the addresses of both machines',
    proxy: { port: 3128, byName: true, both: true },
    objects: (rig) => [companyEntry(rig, { addresses: undefined, resolution: 'DNS' })],
  },
  'DNS-CAPTURE': {
    title: 'Sidecars answer DNS, with allocated addresses; the company’s proxy by name',
    proxy: { port: 3128, byName: true },
    meshConfig: {
      defaultConfig: {
        proxyMetadata: { ISTIO_META_DNS_CAPTURE: 'true', ISTIO_META_DNS_AUTO_ALLOCATE: 'true' },
      },
    },
  },
});
