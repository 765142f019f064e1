import { defaultTextFormats } from '../../helpers/trip/envoy.ts';
import { cluster as clusterName, lines, via } from './trip.ts';
import { fromDump, type DumpEntries } from '../../helpers/gate/observation.ts';
import type { Observation, ObservedStep } from '../../helpers/results/gate.ts';

/**
 * Entries of the config dump of a sidecar of Istio 1.28.3 on Envoy 1.36.4 with the document's ServiceEntry applied, as
 * a real one gave them, for tests; of the listeners those for the proxy and for unknown traffic. Squid is 10.42.0.5.
 */
export const format: string = defaultTextFormats['1.9+'];

/** The proxy of the samples, as its ServiceEntry has it. */
export const proxy = { ...via, host: 'my-company-proxy.com' };

const accessLog = (text: string): unknown => ({
  name: 'envoy.access_loggers.file',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog',
    path: '/dev/stdout',
    log_format: { text_format_source: { inline_string: text } },
  },
});

const tcpProxy = (cluster: string, text?: string): unknown => ({
  name: 'envoy.filters.network.tcp_proxy',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
    stat_prefix: cluster,
    cluster,
    ...(text === undefined ? {} : { access_log: [accessLog(text)] }),
  },
});

/** What may be otherwise in a sample. */
export interface SampleChanges {
  readonly ip?: string;
  readonly format?: string;
  /** Filters before the one that hands the bytes on. */
  readonly filters?: readonly unknown[];
  readonly unknownTraffic?: string;
  readonly cluster?: Readonly<Record<string, unknown>>;
  readonly routes?: readonly unknown[];
}

export function dump(changes: SampleChanges = {}): DumpEntries {
  const { ip = via.ip, format: text = format, filters = [], unknownTraffic = 'PassthroughCluster' } = changes;
  return {
    listeners: [
      {
        '@type': 'type.googleapis.com/envoy.admin.v3.ListenersConfigDump.DynamicListener',
        name: `${ip}_3128`,
        active_state: {
          version_info: '2026-11-24T04:53:40Z/14',
          listener: {
            '@type': 'type.googleapis.com/envoy.config.listener.v3.Listener',
            name: `${ip}_3128`,
            address: { socket_address: { address: ip, port_value: 3128 } },
            filter_chains: [
              {
                filters: [...filters, tcpProxy(clusterName, text)],
                transport_socket_connect_timeout: '15s',
              },
            ],
            listener_filters_timeout: '0s',
            traffic_direction: 'OUTBOUND',
            continue_on_listener_filters_timeout: true,
            bind_to_port: false,
          },
          last_updated: '2026-11-24T04:53:41.160Z',
        },
      },
      {
        '@type': 'type.googleapis.com/envoy.admin.v3.ListenersConfigDump.DynamicListener',
        name: 'virtualOutbound',
        active_state: {
          listener: {
            '@type': 'type.googleapis.com/envoy.config.listener.v3.Listener',
            name: 'virtualOutbound',
            address: { socket_address: { address: '0.0.0.0', port_value: 15001 } },
            filter_chains: [
              {
                filter_chain_match: { destination_port: 15001 },
                filters: [tcpProxy('BlackHoleCluster')],
                name: 'virtualOutbound-blackhole',
              },
              { filters: [tcpProxy(unknownTraffic, text)], name: 'virtualOutbound-catchall-tcp' },
            ],
            use_original_dst: true,
            traffic_direction: 'OUTBOUND',
          },
          last_updated: '2026-11-24T04:53:38.012Z',
        },
      },
    ],
    clusters: [
      {
        '@type': 'type.googleapis.com/envoy.admin.v3.ClustersConfigDump.DynamicCluster',
        cluster: {
          '@type': 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
          name: clusterName,
          type: 'ORIGINAL_DST',
          connect_timeout: '10s',
          lb_policy: 'CLUSTER_PROVIDED',
          circuit_breakers: { thresholds: [{ max_connections: 4294967295, track_remaining: true }] },
          metadata: {
            filter_metadata: {
              istio: {
                services: [
                  { name: 'my-company-proxy.com', namespace: 'default', host: 'my-company-proxy.com' },
                ],
                external: true,
              },
            },
          },
          common_lb_config: {},
          alt_stat_name: `${clusterName};`,
          ...changes.cluster,
        },
        last_updated: '2026-11-24T04:53:41.158Z',
      },
      { cluster: { name: 'PassthroughCluster', type: 'ORIGINAL_DST' } },
    ],
    routes: changes.routes ?? [
      { route_config: { name: '80', virtual_hosts: [{ name: 'allow_any', domains: ['*'] }] } },
    ],
  };
}

export function step(changes: Partial<ObservedStep> = {}): ObservedStep {
  return {
    id: 'MESH-2',
    title: 'The page arrives through the proxy',
    status: 'passed',
    durationMs: 757,
    reason: '',
    ...changes,
  };
}

/** A sound phase on 1.28.3; `changes` replace fields, `sample` what the sidecar's dump holds. */
export function observed(changes: Partial<Observation> = {}, sample: SampleChanges = {}): Observation {
  const { config, accessLogFormat } = fromDump(dump(sample), { ...proxy, ip: sample.ip ?? via.ip });
  return {
    phase: 'Document on 1.28.3',
    versions: { istiod: '1.28.3', 'istio-proxy': '1.28.3', envoy: '1.36.4' },
    images: { pilot: 'docker.io/istio/pilot:1.28.3', proxyv2: 'docker.io/istio/proxyv2:1.28.3' },
    accessLog: { format: accessLogFormat, line: lines.sidecar },
    config,
    limits: [],
    steps: [step()],
    ...changes,
  };
}
