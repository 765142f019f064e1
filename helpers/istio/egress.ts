import type { KubernetesObject } from '@kubernetes/client-node';
import { nameOf } from '../kube/client.ts';
import { selects } from './taker-makers.ts';

interface Destination {
  readonly host?: string;
  readonly port?: { readonly number?: number };
}

interface Route {
  readonly match?: readonly { readonly gateways?: readonly string[]; readonly port?: number }[];
  readonly route?: readonly { readonly destination?: Destination }[];
}

export interface VirtualService extends KubernetesObject {
  readonly spec?: {
    readonly hosts?: readonly string[];
    readonly gateways?: readonly string[];
    readonly tcp?: readonly Route[];
    readonly tls?: readonly Route[];
  };
}

/** Istio's own, at the edge of the mesh. */
export interface Gateway extends KubernetesObject {
  readonly spec?: {
    readonly selector?: Readonly<Record<string, string>>;
    readonly servers?: readonly {
      readonly port?: { readonly number?: number; readonly protocol?: string };
    }[];
  };
}

/** A Service, as far as it chooses pods. */
export interface Selecting extends KubernetesObject {
  readonly spec?: { readonly selector?: Readonly<Record<string, string>> };
}

/** Where a sidecar hands a connection that is to go through a gateway. */
export interface Handed {
  /** `outbound|PORT|SUBSET|HOST` of the gateway's Service. */
  readonly cluster: string;
  /** Where it is to get to: a host, and its port. */
  readonly host: string;
  readonly port: number;
}

export interface GatewayObjects {
  readonly routes: readonly VirtualService[];
  readonly gateways: readonly Gateway[];
  readonly services: readonly Selecting[];
}

/** Whether a gateway leads a connection on, and by which objects, or what is missing. */
export interface GatewayWay {
  readonly leads: boolean;
  readonly told: string;
}

/**
 * Whether what a sidecar hands to a Service is led on to a host, as an egress gateway does it: a Gateway that the Service's
 * pods are chosen by listens on the port, and a VirtualService of that Gateway routes it there.
 * @returns undefined where no Gateway has anything to do with the Service
 */
export function gatewayWay(
  { cluster, host, port }: Handed,
  { routes, gateways, services }: GatewayObjects,
): GatewayWay | undefined {
  const [, number = '', , of = ''] = cluster.split('|');
  const service = services.find(({ metadata }) => of.startsWith(`${metadata?.name}.${metadata?.namespace}.`));
  const labels = service?.spec?.selector ?? {};
  const chosen = gateways.filter(({ spec }) => {
    const wanted = spec?.selector ?? {};
    return Object.keys(wanted).length > 0 && selects(wanted, labels);
  });
  if (chosen.length === 0) return undefined;
  const listening = chosen.filter(({ spec }) =>
    spec?.servers?.some((server) => server.port?.number === Number(number)),
  );
  const names = (all: readonly KubernetesObject[]): string => all.map(nameOf).join(' or ');
  if (listening.length === 0) {
    return { leads: false, told: `${names(chosen)} does not listen on port ${number}` };
  }
  const leading = routes.flatMap((route) =>
    listening.flatMap((gateway) => {
      const to = destinationsOf(route, gateway, Number(number));
      return to.length === 0 ? [] : [{ route, gateway, to }];
    }),
  );
  const isIt = (to: Destination): boolean => to.host === host && (to.port?.number ?? port) === port;
  const right = leading.find(({ to }) => to.every(isIt));
  if (right !== undefined) {
    return {
      leads: true,
      told: `through ${of}, from where ${nameOf(right.gateway)} and ${nameOf(right.route)} lead on to ${host}`,
    };
  }
  const [wrong] = leading;
  if (wrong === undefined) {
    return { leads: false, told: `no VirtualService of ${names(listening)} routes port ${number} on` };
  }
  const to = wrong.to.map(({ host: one = '?', port: at }) => `${one}:${at?.number ?? port}`).join(', ');
  return { leads: false, told: `${nameOf(wrong.route)} leads on to ${to}` };
}

/** Where a VirtualService sends what a Gateway takes on a port. */
function destinationsOf({ spec, metadata }: VirtualService, gateway: Gateway, port: number): Destination[] {
  const { name = '', namespace = '' } = gateway.metadata ?? {};
  const isGateway = (one: string): boolean =>
    one === `${namespace}/${name}` || (one === name && metadata?.namespace === namespace);
  const all = spec?.gateways ?? [];
  if (!all.some(isGateway)) return [];
  return [...(spec?.tcp ?? []), ...(spec?.tls ?? [])]
    .filter(
      ({ match = [{}] }) =>
        match.length === 0 ||
        match.some((one) => (one.gateways ?? all).some(isGateway) && (one.port ?? port) === port),
    )
    .flatMap(({ route = [] }) => route.flatMap(({ destination }) => destination ?? []));
}
