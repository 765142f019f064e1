import type { Configuration } from '../../helpers/configuration/configuration.ts';
import type { Change, ManifestObject } from '../fault.ts';
import type { Fields, HealthyRig } from './rig.ts';

/** An ordinary configuration of a mesh in which the document holds: the suite must be green in it. */
export interface HealthyMesh extends Change<HealthyRig> {
  /** Merged into the mesh's configuration (meshConfig); a list replaces a list. */
  readonly meshConfig?: Fields;
  /** Environment variables of istiod. */
  readonly istiod?: Readonly<Record<string, string>>;
  /** The run makes its namespaces itself; elsewhere they exist, as `conformance rbac` prints them, which is quicker. */
  readonly makesNamespaces?: true;
  /** The run is for the company's own proxy, which listens on these ports, by its address unless by its name. */
  readonly proxy?: { readonly port: 3128 | 8080; readonly byName?: true };
  readonly settings?: Partial<Configuration>;
}

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

export function destinationRule(name: string, spec: object): ManifestObject {
  return istio('networking', 'DestinationRule', root, name, spec);
}

/** A Service without pods. */
export function service(
  namespace: string,
  name: string,
  port: { readonly name: string; readonly port: number },
): ManifestObject {
  return { apiVersion: 'v1', kind: 'Service', metadata: { namespace, name }, spec: { ports: [port] } };
}

export function tcp(number: number): object {
  return { number, name: 'tcp', protocol: 'TCP' };
}
