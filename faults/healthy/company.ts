import { kubeObject } from '../../helpers/kube/manifests.ts';
import { podMustBeReady } from '../../helpers/kube/workloads.ts';
import { istio, root, serviceEntry, tcp, type ManifestObject } from '../objects.ts';
import { companyHost as host, shop, type HealthyRig } from './rig.ts';

/** The company's own entry for its proxy, as every company with such a proxy has one. */
export function companyEntry({ proxyIp }: HealthyRig, changes: object = {}): ManifestObject {
  return serviceEntry(root, 'corp-proxy', { ...entryFor(host, proxyIp), ...changes });
}

/** An entry for the second machine of the company's proxy. */
export function secondEntry({ secondProxyIp }: HealthyRig, changes: object = {}): ManifestObject {
  const entry = entryFor('proxy-2.corp.example', secondProxyIp);
  return serviceEntry(shop, 'corp-proxy-2', { ...entry, ...changes });
}

function entryFor(name: string, ip: string): object {
  return { hosts: [name], addresses: [`${ip}/32`], ports: [tcp(3128)], resolution: 'NONE' };
}

/** The company's entry selects the proxy's machine by its labels. */
export function workloadEntry(rig: HealthyRig, changes: object = {}): ManifestObject[] {
  const labels = { app: 'corp-proxy' };
  return [
    companyEntry(rig, { resolution: 'STATIC', workloadSelector: { labels } }),
    istio('networking', 'WorkloadEntry', root, 'corp-proxy-1', { address: rig.proxyIp, labels, ...changes }),
  ];
}

/** A VirtualService for what goes to the proxy. */
export function routes(destinations: readonly object[]): ManifestObject {
  return istio('networking', 'VirtualService', root, 'corp-proxy', {
    hosts: [host],
    tcp: [{ match: [{ port: 3128 }], route: destinations }],
  });
}

export function toProxy(changes: object = {}): object {
  return { destination: { host, port: { number: 3128 }, ...changes } };
}

const gateway = 'egressgateway';

/** The way to the proxy through an egress gateway, as Istio's documents write it for other hosts. */
export function throughGateway(
  rig: HealthyRig,
  { port = 3128, onward = host, resolution = 'STATIC' } = {},
): ManifestObject[] {
  const selector = { istio: gateway };
  const to = `${gateway}.${shop}.svc.cluster.local`;
  const from = (name: string, destination: string): object => ({
    match: [{ gateways: [name], port: 3128 }],
    route: [{ destination: { host: destination, port: { number: 3128 } } }],
  });
  const endpoints = resolution === 'STATIC' ? { endpoints: [{ address: rig.proxyIp }] } : {};
  return [
    companyEntry(rig, { resolution, ...endpoints }),
    kubeObject(
      'Service',
      { namespace: shop, name: gateway },
      { spec: { selector, ports: [{ name: 'tcp', port: 3128 }] } },
    ),
    istio('networking', 'Gateway', shop, 'egress', {
      selector,
      servers: [{ port: { number: port, name: 'tcp', protocol: 'TCP' }, hosts: [host] }],
    }),
    istio('networking', 'VirtualService', shop, 'proxy-through-gateway', {
      hosts: [host],
      gateways: ['mesh', 'egress'],
      tcp: [from('mesh', to), from('egress', onward)],
    }),
  ];
}

const gatewayPod = kubeObject('Pod', {
  namespace: shop,
  name: gateway,
  labels: { istio: gateway, 'sidecar.istio.io/inject': 'true' },
  annotations: { 'inject.istio.io/templates': 'gateway' },
});

/** An egress gateway of the company's, which istiod's injector makes of a pod. */
export async function startGateway(rig: HealthyRig): Promise<void> {
  // For an image without a tag, Kubernetes would have it pulled always.
  const containers = [{ name: 'istio-proxy', image: 'auto', imagePullPolicy: 'IfNotPresent' }];
  await rig.apply(
    kubeObject('Pod', gatewayPod.metadata, { spec: { terminationGracePeriodSeconds: 0, containers } }),
  );
  await podMustBeReady(rig.kube, shop, gateway);
}

export async function stopGateway(rig: HealthyRig): Promise<void> {
  await rig.remove(gatewayPod);
}
