import { istioctl } from '../../helpers/istio/istioctl.ts';
import { companyEntry } from './company.ts';
import { envoyFilter, istio, root, service, tcpListener, typed } from '../objects.ts';
import { identified } from '../fault.ts';
import type { HealthyMesh, HealthyMeshEntry } from './mesh.ts';
import { shop, type HealthyRig } from './rig.ts';
import { startWorkload, stopWorkload } from './workload.ts';

/** How sidecars come about, and what they get beside routes. */

const tag = 'prod';

async function istioctlIn({ world: { session } }: HealthyRig, ...args: readonly string[]): Promise<void> {
  await istioctl(session.cluster, session.images.images.istioctl.reference, args);
}

const notTheClusters = {
  key: 'kubernetes.io/metadata.name',
  operator: 'NotIn',
  values: ['kube-system', 'kube-public', 'kube-node-lease'],
};

/** A template of the injector's that adds these fields, as YAML in one line, to every container but the sidecar. */
function everyContainer(fields: string): string {
  return `spec:
  containers:
  {{- range .Spec.Containers }}
  {{- if ne .Name "istio-proxy" }}
  - ${fields.replace('{', '{ name: {{ .Name }},')}
  {{- end }}
  {{- end }}
`;
}

const auditLog = typed('access_loggers.file.v3.FileAccessLog', {
  path: '/dev/stdout',
  log_format: { text_format_source: { inline_string: 'audit %UPSTREAM_CLUSTER% %BYTES_SENT%\n' } },
});

export const sidecarMeshes: readonly HealthyMesh[] = identified<HealthyMeshEntry>({
  'CLIENT-WITH-CURL': {
    title: 'Requests from another team’s Deployment, by its own curl (--client)',
    inject: (rig) => startWorkload(rig, 'curl'),
    undo: stopWorkload,
    settings: { client: `${shop}/deployment/web` },
  },
  'CLIENT-WITHOUT-CURL': {
    title: 'Requests from another team’s pod with a label, by an ephemeral container: it has no curl',
    inject: (rig) => startWorkload(rig, 'squid'),
    undo: stopWorkload,
    settings: { client: `${shop}/app=web` },
  },
  'CLIENT-AND-PROXY': {
    title: 'Requests from another team’s Deployment to the company’s proxy, by the company’s entry',
    proxy: { port: 3128 },
    objects: (rig) => [companyEntry(rig)],
    inject: (rig) => startWorkload(rig, 'curl'),
    undo: stopWorkload,
    settings: { client: `${shop}/deployment/web` },
  },
  BARE: {
    title: 'Nothing beside Istio, and the run makes its namespaces itself',
    makesNamespaces: true,
  },
  'DISCOVERY-SELECTORS': {
    title:
      'discoverySelectors that leave the cluster’s own namespaces out by name; the run makes its own itself',
    makesNamespaces: true,
    meshConfig: {
      discoverySelectors: [{ matchExpressions: [notTheClusters] }],
    },
  },
  'INJECTED-BY-DEFAULT': {
    title: 'Namespaces without a label are injected (enableNamespacesByDefault)',
    inject: (rig) => rig.injectByDefault(true),
    undo: (rig) => rig.injectByDefault(false),
  },
  'SOME-NETWORKS': {
    title: 'Sidecars capture the company’s networks alone, without some ports',
    inject: (rig) =>
      rig.changeInjectorValues({ includeIPRanges: '10.0.0.0/8', excludeOutboundPorts: '22,5432' }),
    undo: (rig) => rig.restoreInjector(),
  },
  'SOME-PORTS': {
    title: 'Sidecars capture some ports alone, the proxy’s among them',
    inject: (rig) => rig.changeInjectorValues({ includeIPRanges: '', includeOutboundPorts: '443,3128' }),
    undo: (rig) => rig.restoreInjector(),
  },
  'PROXY-VARIABLES': {
    title:
      'A policy gives every container the company’s proxy variables, of which curl takes the small letters first',
    inject: (rig) =>
      rig.addInjectorTemplate(
        everyContainer(
          '{ env: [{ name: https_proxy, value: "http://192.0.2.1:9" }, { name: NO_PROXY, value: ".svc,10.0.0.0/8" }] }',
        ),
      ),
    undo: (rig) => rig.restoreInjector(),
  },
  'READ-ONLY': {
    title: 'A policy makes the root file system of every container read-only',
    inject: (rig) =>
      rig.addInjectorTemplate(everyContainer('{ securityContext: { readOnlyRootFilesystem: true } }')),
    undo: (rig) => rig.restoreInjector(),
  },
  'SIDECAR-LIMITS': {
    title: 'Sidecars have little: a tenth of a processor, 128 MB',
    inject: (rig) => rig.changeInjectorValues({ resources: { limits: { cpu: '100m', memory: '128Mi' } } }),
    undo: (rig) => rig.restoreInjector(),
  },
  CONCURRENCY: {
    title: 'ProxyConfig with one worker thread',
    objects: () => [istio('networking', 'ProxyConfig', root, 'mesh-wide', { concurrency: 1 })],
  },
  'HOLD-APPLICATION': {
    title: 'Applications wait for their sidecar (holdApplicationUntilProxyStarts)',
    meshConfig: { defaultConfig: { holdApplicationUntilProxyStarts: true } },
  },
  'ORDINARY-SIDECARS': {
    title: 'Sidecars are ordinary containers',
    istiod: { ENABLE_NATIVE_SIDECARS: 'false' },
  },
  'ORDINARY-SIDECARS-HOLD': {
    title: 'Ordinary sidecars that applications wait for',
    istiod: { ENABLE_NATIVE_SIDECARS: 'false' },
    meshConfig: { defaultConfig: { holdApplicationUntilProxyStarts: true } },
  },
  'NATIVE-SIDECARS': {
    title: 'Sidecars are init containers that keep running',
    istiod: { ENABLE_NATIVE_SIDECARS: 'true' },
  },
  TPROXY: {
    title: 'Connections are intercepted by TPROXY',
    meshConfig: { defaultConfig: { interceptionMode: 'TPROXY' } },
  },
  'REVISION-TAG': {
    title: 'A revision tag beside the default, by which the run chooses its control plane',
    settings: { revision: tag },
    inject: (rig) => istioctlIn(rig, 'tag', 'set', tag, '--revision', 'default', '--skip-confirmation'),
    undo: (rig) => istioctlIn(rig, 'tag', 'remove', tag, '--skip-confirmation'),
  },
  'ENVOY-FILTER-KEEPALIVE': {
    title: 'An EnvoyFilter of the whole mesh: TCP keepalive to every upstream',
    objects: () => [
      envoyFilter(root, 'keepalive', {
        applyTo: 'CLUSTER',
        value: { upstream_connection_options: { tcp_keepalive: { keepalive_time: 300 } } },
      }),
    ],
  },
  'ENVOY-FILTER-ELSEWHERE': {
    title: 'An EnvoyFilter with a Lua filter in another namespace',
    objects: () => [
      service(shop, 'catalogue', { name: 'http', port: 80 }),
      envoyFilter(shop, 'header', {
        applyTo: 'HTTP_FILTER',
        context: 'SIDECAR_INBOUND',
        match: {
          listener: { filterChain: { filter: { name: 'envoy.filters.network.http_connection_manager' } } },
        },
        operation: 'INSERT_BEFORE',
        value: {
          name: 'envoy.filters.http.lua',
          ...typed('filters.http.lua.v3.Lua', {
            default_source_code: {
              inline_string: 'function envoy_on_response(h) h:headers():add("x-team", "shop") end',
            },
          }),
        },
      }),
    ],
  },
  'ENVOY-FILTER-LOG': {
    title: 'An EnvoyFilter that adds a second access log to every TCP proxy',
    objects: () => [
      envoyFilter(root, 'second-log', {
        applyTo: 'NETWORK_FILTER',
        match: tcpListener(),
        value: typed('filters.network.tcp_proxy.v3.TcpProxy', {
          access_log: [{ name: 'envoy.access_loggers.file', ...auditLog }],
        }),
      }),
    ],
  },
  'TRUST-DOMAIN': {
    title: 'A trust domain of the company',
    meshConfig: { trustDomain: 'corp.example', trustDomainAliases: ['cluster.local'] },
  },
});
