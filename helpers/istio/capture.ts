import type { V1Pod } from '@kubernetes/client-node';
import { networkHolds } from '../network.ts';
import type { Endpoint } from '../trip/endpoint.ts';

/**
 * What a pod was told of the outbound traffic to redirect to its sidecar: the arguments of istio-init, or of
 * istio-validation where a node agent (istio-cni) writes the rules. Sources: tools/istio-iptables/pkg/cmd and
 * manifests/charts/istio-control/istio-discovery/files/injection-template.yaml in istio.io/istio.
 */
export interface Capture {
  /** The container that was told. */
  readonly by: string;
  /** Networks, `*` for every one. */
  readonly ranges: readonly string[];
  readonly rangesLeftOut: readonly string[];
  /** Ports; `*` for every one. */
  readonly ports: readonly string[];
  readonly portsLeftOut: readonly string[];
}

const options = {
  ranges: ['-i', '--istio-service-cidr'],
  rangesLeftOut: ['-x', '--istio-service-exclude-cidr'],
  ports: ['-q', '--istio-outbound-ports'],
  portsLeftOut: ['-o', '--istio-local-outbound-ports-exclude', '--istio-local-exclude-ports'],
} as const;

/** Undefined where the pod has no such container. */
export function captureOf({ spec }: V1Pod): Capture | undefined {
  const found = spec?.initContainers?.find(
    ({ name }) => name === 'istio-init' || name === 'istio-validation',
  );
  if (found === undefined) return undefined;
  const args = [...(found.command ?? []), ...(found.args ?? [])];
  const list = (names: readonly string[]): string[] =>
    args
      .flatMap((arg, index) => {
        const [name = '', value] = arg.split('=');
        return names.includes(name) ? [value ?? args[index + 1] ?? ''] : [];
      })
      .flatMap((values) => values.split(','))
      .map((value) => value.trim())
      .filter((value) => value !== '');
  return {
    by: found.name,
    ranges: list(options.ranges),
    rangesLeftOut: list(options.rangesLeftOut),
    ports: list(options.ports),
    portsLeftOut: list(options.portsLeftOut),
  };
}

/** Why connections to an address do not reach the sidecar, by what the pod was told; undefined where they do. */
export function notCaptured({ by, ranges, ...rest }: Capture, { ip, port }: Endpoint): string | undefined {
  const out = rest.rangesLeftOut.find((range) => range === '*' || networkHolds(range, ip));
  if (out !== undefined) return `${by} was told to leave ${out} out (-x), which holds ${ip}`;
  if (rest.portsLeftOut.includes(String(port))) return `${by} was told to leave port ${port} out (-o)`;
  if (rest.ports.includes('*') || rest.ports.includes(String(port))) return undefined;
  if (ranges.some((range) => range === '*' || networkHolds(range, ip))) return undefined;
  if (ranges.length === 0) return undefined;
  return `${by} was told to capture only ${ranges.join(', ')} (-i), which does not hold ${ip}`;
}
