import type { KubernetesObject } from '@kubernetes/client-node';
import { kubeObject } from '../helpers/kube/manifests.ts';

/** An object with whatever its kind has in it. */
export type ManifestObject = KubernetesObject & { readonly spec?: object };

/** Istio's root namespace: what lies there is for the whole mesh. */
export const root = 'istio-system';

/** An object of one of Istio's API groups, e.g. `networking`. */
export function istio(
  group: 'networking' | 'security' | 'telemetry',
  kind: string,
  namespace: string,
  name: string,
  spec: object,
): ManifestObject {
  const version = kind === 'ProxyConfig' ? 'v1beta1' : kind === 'EnvoyFilter' ? 'v1alpha3' : 'v1';
  return { apiVersion: `${group}.istio.io/${version}`, kind, metadata: { namespace, name }, spec };
}

export function serviceEntry(namespace: string, name: string, spec: object): ManifestObject {
  return istio('networking', 'ServiceEntry', namespace, name, { location: 'MESH_EXTERNAL', ...spec });
}

/** A rule of the root namespace, and so of every client. */
export function destinationRule(name: string, host: string, trafficPolicy: object): ManifestObject {
  return istio('networking', 'DestinationRule', root, name, { host, trafficPolicy });
}

/** A patch of what sidecars do with outbound connections, or with those of another `context`. */
export interface EnvoyPatch {
  readonly applyTo: string;
  readonly context?: string;
  readonly match?: object;
  readonly operation?: 'MERGE' | 'INSERT_BEFORE' | 'REMOVE';
  /** What is removed has none. */
  readonly value?: object;
  readonly workloads?: Readonly<Record<string, string>>;
}

export function envoyFilter(namespace: string, name: string, patch: EnvoyPatch): ManifestObject {
  const { applyTo, context = 'SIDECAR_OUTBOUND', match, operation = 'MERGE', value, workloads } = patch;
  return istio('networking', 'EnvoyFilter', namespace, name, {
    ...(workloads === undefined ? {} : { workloadSelector: { labels: workloads } }),
    configPatches: [{ applyTo, match: { context, ...match }, patch: { operation, ...(value && { value }) } }],
  });
}

/** Envoy's typed configuration, e.g. of `filters.network.tcp_proxy.v3.TcpProxy`. */
export function typed(type: string, fields: object = {}): object {
  return { typed_config: { '@type': `type.googleapis.com/envoy.extensions.${type}`, ...fields } };
}

/** How an EnvoyFilter names the TCP proxy of a listener: that of one port, or of any. */
export const tcpProxy = 'envoy.filters.network.tcp_proxy';
export function tcpListener(portNumber?: number): object {
  const listener = { filterChain: { filter: { name: tcpProxy } } };
  return { listener: portNumber === undefined ? listener : { ...listener, portNumber } };
}

/** A Service without pods. */
export function service(namespace: string, name: string, port: object): ManifestObject {
  return kubeObject('Service', { namespace, name }, { spec: { ports: [port] } });
}

export function namespace(name: string, labels: Readonly<Record<string, string>> = {}): ManifestObject {
  return kubeObject('Namespace', { name, labels });
}

export function networkPolicy(namespace: string, name: string, spec: object): ManifestObject {
  return { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name, namespace }, spec };
}

export function tcp(number: number): object {
  return { number, name: 'tcp', protocol: 'TCP' };
}

export const tls = { number: 443, name: 'tls', protocol: 'TLS' };

/** Admission's own objects, which have no namespace. */
export function clusterWide(kind: string, name: string, spec?: object): ManifestObject {
  return { apiVersion: 'admissionregistration.k8s.io/v1', kind, metadata: { name }, ...(spec && { spec }) };
}

/** What admission looks at. @param resource With its API group, which is empty for Kubernetes' own: `/pods` */
export function ruleFor(resource: string, operations: readonly string[]): object {
  const at = resource.indexOf('/');
  const [group, name] = [resource.slice(0, at), resource.slice(at + 1)];
  return { apiGroups: [group], apiVersions: ['*'], operations, resources: [name] };
}

/** A ValidatingAdmissionPolicy that denies what is not as it says, and its binding. */
export function admissionPolicy(
  name: string,
  resource: string,
  operations: readonly string[],
  validation: { readonly expression: string; readonly message?: string },
): ManifestObject[] {
  return [
    clusterWide('ValidatingAdmissionPolicy', name, {
      failurePolicy: 'Fail',
      matchConstraints: { resourceRules: [ruleFor(resource, operations)] },
      validations: [validation],
    }),
    clusterWide('ValidatingAdmissionPolicyBinding', name, { policyName: name, validationActions: ['Deny'] }),
  ];
}
