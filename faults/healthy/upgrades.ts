import { givenFrom } from '../../helpers/given/given.ts';
import { identified } from '../fault.ts';
import type { HealthyUpgrade, OwnUpgrade, TheirUpgrade } from '../gate-fault.ts';
import { istio, root, type ManifestObject } from '../objects.ts';
import { installNew, withMeshConfig } from '../their-upgrade.ts';
import { renamedKeys } from './logs.ts';

/** What a company has of Istio's configuration, as an IstioOperator or Helm values have it. */
const configured = `
meshConfig:
  outboundTrafficPolicy: { mode: REGISTRY_ONLY }
  enableTracing: true
  extensionProviders: [{ name: zipkin, zipkin: { service: collector.other.svc.cluster.local, port: 9411 } }]
  defaultConfig:
    holdApplicationUntilProxyStarts: true
    concurrency: 1
    proxyMetadata: { ISTIO_META_COMPANY: corp }
pilot: { autoscaleEnabled: true, autoscaleMin: 2, autoscaleMax: 3 }
`;

const manifests: readonly ManifestObject[] = [
  istio('networking', 'Sidecar', root, 'default', {
    egress: [{ hosts: ['./*', 'istio-system/*', 'default/*'] }],
  }),
  istio('security', 'PeerAuthentication', root, 'default', { mtls: { mode: 'STRICT' } }),
  istio('security', 'AuthorizationPolicy', root, 'from-the-mesh', {
    action: 'ALLOW',
    rules: [{ from: [{ source: { principals: ['*'] } }] }],
  }),
  istio('telemetry', 'Telemetry', root, 'tracing', {
    tracing: [{ providers: [{ name: 'zipkin' }], randomSamplingPercentage: 10 }],
  }),
];

const jsonLog = withMeshConfig({
  accessLogEncoding: 'JSON',
  accessLogFormat: JSON.stringify(renamedKeys),
  outboundClusterStatName: '%SERVICE_FQDN%_%SERVICE_PORT%',
});

/** Upgrades of ordinary meshes that may go out: the gate must be green. */
export const healthyUpgrades: readonly HealthyUpgrade[] = identified<
  Omit<OwnUpgrade, 'id'> | Omit<TheirUpgrade, 'id'>
>({
  'UPGRADE-CONFIGURED': {
    title:
      'A canary with a company’s configuration and manifests: REGISTRY_ONLY, few imports, mutual TLS, tracing, two istiods and more',
    strategy: 'canary',
    given: () =>
      givenFrom({
        istio: { file: 'mesh.yaml', text: configured },
        manifests: manifests.map((one) => ({ file: `${one.kind ?? ''}.json`, text: JSON.stringify(one) })),
      }),
  },
  'UPGRADE-THEIRS-LOG': {
    title: 'A user’s mesh with a JSON access log of its own keys, and names of its own for clusters',
    installed: jsonLog,
    theirs: (gate) => installNew(gate, { alter: jsonLog }),
  },
});
