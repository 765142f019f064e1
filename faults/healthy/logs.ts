import { istio, root, service, tcp, type ManifestObject } from '../objects.ts';
import { identified } from '../fault.ts';
import { companyEntry } from './company.ts';
import type { HealthyMesh, HealthyMeshEntry } from './mesh.ts';
import { shop, type Fields } from './rig.ts';

/** What the sidecars say of connections, and to whom. */

/** A company's own format: what is needed is there, in another order and under other names. */
const companyFormat =
  'when=%START_TIME% ms=%DURATION% peer=%DOWNSTREAM_REMOTE_ADDRESS% to=%DOWNSTREAM_LOCAL_ADDRESS% ' +
  'via=%UPSTREAM_CLUSTER% upstream=%UPSTREAM_HOST% from=%UPSTREAM_LOCAL_ADDRESS% in=%BYTES_RECEIVED% ' +
  'out=%BYTES_SENT% status=%RESPONSE_CODE% flags=%RESPONSE_FLAGS% details="%RESPONSE_CODE_DETAILS%"\n';

export const renamedKeys = {
  '@timestamp': '%START_TIME%',
  took: '%DURATION%',
  client: '%DOWNSTREAM_REMOTE_ADDRESS%',
  asked: '%DOWNSTREAM_LOCAL_ADDRESS%',
  cluster: '%UPSTREAM_CLUSTER%',
  server: '%UPSTREAM_HOST%',
  out_of: '%UPSTREAM_LOCAL_ADDRESS%',
  rx: '%BYTES_RECEIVED%',
  tx: '%BYTES_SENT%',
  http: '%RESPONSE_CODE%',
  envoy_flags: '%RESPONSE_FLAGS%',
  why: '%RESPONSE_CODE_DETAILS%',
};

function accessLogging(spec: object, namespace = root): ManifestObject {
  return istio('telemetry', 'Telemetry', namespace, 'mesh-default', { accessLogging: [spec] });
}

/** What the company calls its clusters in statistics, and by `%UPSTREAM_CLUSTER%` in logs. */
const clusterNames = { outboundClusterStatName: '%SERVICE_FQDN%_%SERVICE_PORT%' };

const failuresAlone = { providers: [{ name: 'envoy' }], filter: { expression: 'response.code >= 400' } };

/** A provider of meshConfig, and Telemetry for the whole mesh that chooses it. */
function logBy(provider: Fields & { readonly name: string }): Pick<HealthyMesh, 'meshConfig' | 'objects'> {
  return {
    meshConfig: { extensionProviders: [provider] },
    objects: () => [
      accessLogging({ providers: [{ name: provider.name }] }),
      service(shop, 'collector', { name: 'grpc', port: 4317 }),
    ],
  };
}

const collector = { service: `collector.${shop}.svc.cluster.local`, port: 4317 };
const openTelemetry = logBy({ name: 'company-otel', envoyOtelAls: collector });

export const logMeshes: readonly HealthyMesh[] = identified<HealthyMeshEntry>({
  'LOG-TEXT': {
    title: 'An access log in the company’s own text format',
    meshConfig: { accessLogFormat: companyFormat },
  },
  'LOG-JSON': {
    title: 'An access log in JSON, with Istio’s own keys',
    meshConfig: { accessLogEncoding: 'JSON' },
  },
  'LOG-JSON-RENAMED': {
    title: 'An access log in JSON, with the company’s keys',
    meshConfig: { accessLogEncoding: 'JSON', accessLogFormat: JSON.stringify(renamedKeys) },
  },
  'LOG-PROVIDER-TEXT': {
    title: 'A text format by an extension provider and Telemetry',
    ...logBy({
      name: 'company-text',
      envoyFileAccessLog: { path: '/dev/stdout', logFormat: { text: companyFormat } },
    }),
  },
  'LOG-PROVIDER-LABELS': {
    title: 'A JSON format by an extension provider and Telemetry',
    ...logBy({
      name: 'company-labels',
      envoyFileAccessLog: { path: '/dev/stdout', logFormat: { labels: renamedKeys } },
    }),
  },
  'LOG-FILE': {
    title: 'An access log into a file of the sidecar’s container',
    meshConfig: { accessLogFile: '/var/lib/istio/data/access.log' },
  },
  'LOG-DEBUG': {
    title:
      'Sidecars say everything, in JSON: the agent’s and Envoy’s own messages (debug), and the access log',
    meshConfig: { accessLogEncoding: 'JSON', accessLogFormat: JSON.stringify(renamedKeys) },
    inject: (rig) => rig.changeInjectorValues({ logLevel: 'debug' }, { logAsJson: true }),
    undo: (rig) => rig.restoreInjector(),
  },
  'LOG-OPENTELEMETRY': {
    title: 'An access log by OpenTelemetry alone',
    ...openTelemetry,
  },
  'LOG-OFF': {
    title: 'No access log in meshConfig',
    meshConfig: { accessLogFile: '' },
  },
  'LOG-OFF-BY-TELEMETRY': {
    title: 'The access log switched off for the whole mesh by Telemetry',
    objects: () => [accessLogging({ disabled: true })],
  },
  'LOG-OFF-BY-PROVIDER': {
    title: 'The same, with the provider named',
    objects: () => [accessLogging({ providers: [{ name: 'envoy' }], disabled: true })],
  },
  'LOG-ERRORS-ONLY': {
    title: 'Telemetry that logs failed requests alone',
    objects: () => [accessLogging(failuresAlone)],
  },
  'LOG-ERRORS-ONLY-HERE': {
    title: 'Telemetry of the run’s namespace that logs failed requests alone',
    objects: ({ run }) => [accessLogging(failuresAlone, run.mesh)],
  },
  'LOG-INBOUND-ONLY': {
    title: 'Telemetry that logs inbound connections alone',
    objects: () => [
      accessLogging({ match: { mode: 'CLIENT' }, providers: [{ name: 'envoy' }], disabled: true }),
    ],
  },
  'CLUSTER-NAMES': {
    title: 'Clusters have names of the company in statistics, and in its text format',
    meshConfig: { ...clusterNames, accessLogFormat: companyFormat },
  },
  'CLUSTER-NAMES-OPENTELEMETRY': {
    title: 'The same, with an access log by OpenTelemetry alone',
    ...openTelemetry,
    meshConfig: { ...clusterNames, ...openTelemetry.meshConfig },
  },
  'CLUSTER-NAMES-SHARED': {
    title: 'The same, where two ports of the company’s entry share a name',
    ...openTelemetry,
    meshConfig: { outboundClusterStatName: '%SERVICE_FQDN%', ...openTelemetry.meshConfig },
    proxy: { port: 3128 },
    objects: (rig) => [
      ...(openTelemetry.objects?.(rig) ?? []),
      companyEntry(rig, { ports: [tcp(3128), { ...tcp(8080), name: 'tcp-8080' }] }),
    ],
  },
  TRACING: {
    title: 'Telemetry with tracing of a tenth of all requests',
    meshConfig: {
      enableTracing: true,
      extensionProviders: [
        { name: 'zipkin', zipkin: { service: `collector.${shop}.svc.cluster.local`, port: 9411 } },
      ],
    },
    objects: () => [
      istio('telemetry', 'Telemetry', root, 'tracing', {
        tracing: [{ providers: [{ name: 'zipkin' }], randomSamplingPercentage: 10 }],
      }),
      service(shop, 'collector', { name: 'http', port: 9411 }),
    ],
  },
});
