/**
 * What Istio has to leave out on stock Envoy, which lacks Istio's own filters: telemetry (istio.stats), metadata
 * exchange and Istio's ALPN filter. As `--set` values of `istioctl install`. Only for the image set built from
 * source; with Istio's own proxyv2 none of them may be set.
 */
export const sourceIstioSettings: readonly string[] = [
  // With telemetry off the chart names no provider of metrics. (--set cannot say an empty list, [] is a string to it.)
  'values.telemetry.enabled=false',
  'values.pilot.env.PILOT_ENABLE_METADATA_EXCHANGE=false',
  'values.pilot.env.PILOT_ENABLE_ALPN_FILTER=false',
];
