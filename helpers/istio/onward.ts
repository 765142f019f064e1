import { z } from 'zod';
import { formatEndpoint, sameEndpoint, type Endpoint } from '../trip/endpoint.ts';

/** Where a cluster connects to: to the proxy, or to what else. */
export interface Onward {
  readonly leads: boolean;
  /** Envoy's type of the cluster. */
  readonly type: string;
  /** Addresses or names that it connects to; none where it has no endpoint, or takes the client's own. */
  readonly to: readonly string[];
}

const socketAddress = z.looseObject({ address: z.string(), port_value: z.number().default(0) });
const loadAssignment = z.looseObject({
  cluster_name: z.string().default(''),
  endpoints: z
    .array(
      z.looseObject({
        lb_endpoints: z
          .array(
            z.looseObject({
              endpoint: z
                .looseObject({
                  address: z.looseObject({ socket_address: socketAddress.optional() }).optional(),
                })
                .optional(),
            }),
          )
          .default([]),
      }),
    )
    .default([]),
});
const dumpedCluster = z.looseObject({
  cluster: z.looseObject({
    name: z.string(),
    type: z.string().default('STATIC'),
    load_assignment: loadAssignment.optional(),
    original_dst_lb_config: z.looseObject({ upstream_port_override: z.number().optional() }).optional(),
  }),
});

/**
 * Where Envoy's cluster of this name connects a connection to the proxy to; undefined when it has no such cluster.
 * @param clusters Entries of the dump of dynamic_active_clusters
 * @param endpoints What istiod told Envoy of the cluster's endpoints (EDS)
 * @param proxy Every endpoint that is the proxy
 */
export function onwardOf(
  name: string,
  clusters: readonly unknown[],
  endpoints: readonly unknown[],
  proxy: readonly Endpoint[],
): Onward | undefined {
  const cluster = clusters
    .map((entry) => dumpedCluster.parse(entry).cluster)
    .find((one) => one.name === name);
  if (cluster === undefined) return undefined;
  const { type, original_dst_lb_config: original } = cluster;
  const ports = proxy.map(({ port }) => port);
  if (type === 'ORIGINAL_DST') {
    const { upstream_port_override: port } = original ?? {};
    const leads = port === undefined || ports.includes(port);
    return { leads, type, to: leads ? [] : [`port ${port} of the address that the client asks for`] };
  }
  const told = endpoints.map((one) => loadAssignment.parse(one)).filter((one) => one.cluster_name === name);
  const all = [...(cluster.load_assignment === undefined ? [] : [cluster.load_assignment]), ...told]
    .flatMap((one) => one.endpoints.flatMap(({ lb_endpoints: each }) => each))
    .flatMap(({ endpoint }) => endpoint?.address?.socket_address ?? []);
  const isProxy = ({ address, port_value: port }: z.infer<typeof socketAddress>): boolean =>
    type.endsWith('_DNS')
      ? // Where a name leads, the request itself shows.
        ports.includes(port)
      : proxy.some((one) => sameEndpoint(one, { ip: address, port }));
  return {
    leads: all.length > 0 && all.every(isProxy),
    type,
    to: all.map(({ address, port_value }) => formatEndpoint({ ip: address, port: port_value })),
  };
}
