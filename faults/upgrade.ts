import type { V1MutatingWebhookConfiguration } from '@kubernetes/client-node';
import { kubeObject } from '../helpers/kube/manifests.ts';
import { injectorOf, istiodOf, istioSystem } from '../helpers/istio/revision.ts';
import { apply, find, merge } from '../helpers/kube/apply.ts';
import { scaleToZero } from '../helpers/kube/workloads.ts';
import { trafficNamespace } from '../helpers/traffic/traffic.ts';
import { withoutEntry } from '../suites/controls/absence.ts';
import type { Gate } from '../suites/upgrade/gate.ts';
import { identified } from './fault.ts';
import type { GateFault, OwnGateFault } from './gate-fault.ts';
import { applied, givenFaults } from './given.ts';
import { destinationRule, envoyFilter, tcpListener, tcpProxy, typed, type EnvoyPatch } from './objects.ts';
import { theirGateFaults } from './their-upgrade.ts';

/** The new control plane serves every sidecar by then, and all that is left of the upgrade are restarts. */
const afterTheSwitch = 'document-old-proxy/BEFORE-1';
/** Applies an EnvoyFilter for the kept pod of the live traffic alone. */
function patched(patch: EnvoyPatch): (gate: Gate) => Promise<void> {
  const filter = envoyFilter(trafficNamespace, 'late', { ...patch, workloads: { app: 'kept' } });
  return async ({ kube }) => {
    await apply(kube, [filter]);
  };
}

/** The new version is installed with another text in fixtures/istio.yaml. */
function altered(from: string, to: string): (gate: Gate) => void {
  return ({ fixtures }) => {
    fixtures.alter('istio.yaml', (text) => text.replaceAll(from, to));
  };
}

const registryOnly = altered('mode: ALLOW_ANY', 'mode: REGISTRY_ONLY');

const ownGateFaults: readonly GateFault[] = identified<Omit<OwnGateFault, 'id'>>({
  'GATE-OLD-LABEL': {
    title:
      'The namespace keeps istio-injection beside the new revision’s label: its proxies stay on the old version',
    strategy: 'canary',
    expect: { step: 'upgrade/UPGRADE-3', cause: 'NOT_TAKEN_OVER' },
    inject: (gate) => {
      gate.labels = (revision) => ({ 'istio-injection': 'enabled', 'istio.io/rev': revision ?? null });
    },
  },
  'GATE-UPGRADE-STOPS': {
    title: 'The new control plane’s image cannot be had: the upgrade stops half-way',
    strategy: 'in-place',
    expect: { step: 'upgrade/UPGRADE-2', cause: 'UPGRADE_FAILED' },
    inject: altered('${PILOT_IMAGE}', '${PILOT_IMAGE}-missing'),
  },
  'GATE-INJECTOR-BROKEN': {
    title: 'The new revision’s injector points to a path that does not inject',
    strategy: 'canary',
    expect: { step: 'upgrade/UPGRADE-3', cause: 'INJECTION_FAILED' },
    before: 'upgrade/UPGRADE-3',
    inject: async ({ kube, after: { revision } }) => {
      const name = { kind: 'MutatingWebhookConfiguration', metadata: { name: injectorOf(revision) } };
      const target = { apiVersion: 'admissionregistration.k8s.io/v1', ...name };
      const found = await find<V1MutatingWebhookConfiguration>(kube, target);
      const webhooks = (found?.webhooks ?? []).map((webhook) => ({
        ...webhook,
        clientConfig: {
          ...webhook.clientConfig,
          service: { ...webhook.clientConfig.service, path: '/nowhere' },
        },
      }));
      await merge(kube, Object.assign(target, { webhooks }));
    },
  },
  'GATE-PROXY-IMAGE': {
    title: 'The new version’s proxy image is missing',
    strategy: 'canary',
    expect: { step: 'upgrade/UPGRADE-3', cause: 'PROXY_IMAGE_MISSING' },
    inject: altered('${PROXY_IMAGE}', '${PROXY_IMAGE}-missing'),
  },
  'GATE-LOG-FORMAT': {
    title: 'The new version’s configuration changes the access log’s format',
    strategy: 'in-place',
    expect: { step: 'document-old-proxy/BEFORE-1', cause: 'ACCESS_LOG_ENCODING' },
    inject: altered(
      'accessLogEncoding: TEXT',
      'accessLogEncoding: TEXT\n    accessLogFormat: "%START_TIME% %UPSTREAM_CLUSTER% %BYTES_SENT%\\n"',
    ),
  },
  'GATE-REGISTRY-ONLY': {
    title: 'The new version’s configuration flips the outbound policy to REGISTRY_ONLY',
    strategy: 'in-place',
    expect: { step: 'clean-up/CONTROL-6', cause: 'BLACKHOLE' },
    inject: registryOnly,
  },
  'GATE-REGISTRY-ONLY-STRICT': {
    title: 'The same, judged strictly: the comparison finds it by itself',
    strategy: 'in-place',
    strict: true,
    expect: { step: 'comparison/COMPARE-1', cause: 'UNREVIEWED_CHANGE' },
    inject: registryOnly,
  },
  'GATE-TUNNELS-CUT': {
    title:
      'The new version’s sidecars go without draining, and before their application: a restart cuts tunnels',
    strategy: 'in-place',
    expect: { step: 'traffic-ends/TRAFFIC-2', cause: 'TRAFFIC_CUT' },
    // The pod that UPGRADE makes has the new configuration; it is the next restart that suffers from it.
    before: 'restart/RESTART-2',
    inject: async (gate) => {
      await gate.traffic?.restart({
        'sidecar.istio.io/nativeSidecar': 'false',
        'proxy.istio.io/config': '{"terminationDrainDuration":"1s"}',
      });
    },
  },
  'GATE-LISTENER-REPLACED': {
    title: 'Late in the upgrade the kept sidecar gets a listener that differs in a harmless field',
    strategy: 'in-place',
    expect: { step: 'traffic-ends/DRAIN-1', cause: 'LISTENER_REPLACED' },
    before: afterTheSwitch,
    inject: patched({
      applyTo: 'LISTENER',
      match: { listener: { portNumber: 3128 } },
      value: { per_connection_buffer_limit_bytes: 65_536 },
    }),
  },
  'GATE-CHAIN-CHANGED': {
    title: 'Late in the upgrade the filter chain of the kept sidecar’s listener differs',
    strategy: 'in-place',
    expect: { step: 'traffic-ends/DRAIN-1', cause: 'LISTENER_REPLACED' },
    before: afterTheSwitch,
    inject: patched({
      applyTo: 'NETWORK_FILTER',
      match: tcpListener(3128),
      value: {
        name: tcpProxy,
        ...typed('filters.network.tcp_proxy.v3.TcpProxy', { max_connect_attempts: 2 }),
      },
    }),
  },
  'GATE-UPDATE-REJECTED': {
    title:
      'Late in the upgrade the kept sidecar is sent a listener that its Envoy rejects, and goes on with the one it has',
    strategy: 'in-place',
    expect: { step: 'your-manifests/YOURS-2', cause: 'CONFIG_REJECTED' },
    // The steps from here to that one take longer than the update.
    before: 'restart/RESTART-1',
    given: () => applied(kubeObject('ConfigMap', { name: 'theirs' })),
    inject: patched({
      applyTo: 'NETWORK_FILTER',
      operation: 'INSERT_BEFORE',
      match: tcpListener(3128),
      value: {
        name: 'too-quick',
        ...typed('filters.network.local_ratelimit.v3.LocalRateLimit', {
          stat_prefix: 'too_quick',
          token_bucket: { max_tokens: 1, fill_interval: '0.001s' },
        }),
      },
    }),
  },
  'GATE-LISTENER-READDED': {
    title: 'Late in the upgrade the entry is deleted and applied again: the listener is removed and added',
    strategy: 'in-place',
    expect: { step: 'traffic-ends/DRAIN-1', cause: 'LISTENER_REPLACED' },
    before: afterTheSwitch,
    inject: (gate) => withoutEntry(gate.world('before'), () => Promise.resolve()),
  },
  'GATE-IDLE-TIMEOUT': {
    title:
      'The new version’s sidecars close a connection after 40 s without a byte: busy traffic never meets it',
    strategy: 'in-place',
    expect: { step: 'comparison/COMPARE-2', cause: 'LIMIT_TIGHTENED' },
    inject: altered(
      'meshConfig:',
      'meshConfig:\n    defaultConfig:\n      proxyMetadata:\n        ISTIO_META_IDLE_TIMEOUT: 40s',
    ),
  },
  'GATE-DRAIN-TIME': {
    title:
      'The new version’s sidecars close what is open on a listener that changes after 2 s, and not after 45 s',
    strategy: 'in-place',
    expect: { step: 'comparison/COMPARE-2', cause: 'LIMIT_TIGHTENED', names: 'drain time' },
    inject: altered('meshConfig:', 'meshConfig:\n    defaultConfig:\n      drainDuration: 2s'),
  },
  'GATE-EXPORT': {
    title: 'The new version’s configuration exports entries to nobody by default (defaultServiceExportTo)',
    strategy: 'in-place',
    expect: {
      step: 'document-old-proxy/MESH-1',
      cause: 'SERVICE_ENTRY_EXPORT',
      names: 'defaultServiceExportTo',
    },
    inject: altered('meshConfig:', 'meshConfig:\n    defaultServiceExportTo: ["~"]'),
  },
  'GATE-DISCOVERY': {
    title: 'The new version’s istiod looks at namespaces with a label alone, which the client’s has not',
    strategy: 'in-place',
    expect: { step: 'document-old-proxy/MESH-1', cause: 'LISTENER_MISSING', names: 'discoverySelectors' },
    inject: altered('meshConfig:', 'meshConfig:\n    discoverySelectors: [{ matchLabels: { mesh: corp } }]'),
  },
  'GATE-SIDECAR-NOT-FIRST': {
    title:
      'The new version’s sidecars are no native ones any more: applications ask before they are ready, and are refused',
    strategy: 'in-place',
    expect: { step: 'comparison/COMPARE-2', cause: 'LIMIT_TIGHTENED' },
    inject: altered(
      '  values:\n    pilot:\n',
      '  values:\n    pilot:\n      env:\n        ENABLE_NATIVE_SIDECARS: "false"\n',
    ),
  },
  'GATE-CONNECTION-LIMIT': {
    title:
      'After every pass comes a limit of 50 connections a sidecar, as pipelines apply objects late; the gate’s traffic opens fewer',
    strategy: 'in-place',
    expect: { step: 'comparison/COMPARE-2', cause: 'LIMIT_TIGHTENED' },
    before: 'traffic-ends/DRAIN-1',
    inject: async ({ kube }) => {
      const policy = { connectionPool: { tcp: { maxConnections: 50 } } };
      await apply(kube, [destinationRule('limits', '*.com', policy)]);
    },
  },
  'GATE-CONTROL-PLANE-GONE': {
    title: 'The control plane goes away during the switch',
    strategy: 'in-place',
    expect: { step: 'upgrade/UPGRADE-3', cause: 'CONTROL_PLANE' },
    before: 'upgrade/UPGRADE-3',
    inject: ({ kube, after: { revision } }) => scaleToZero(kube, istioSystem, istiodOf(revision)),
  },
});

export const gateFaults: readonly GateFault[] = [...ownGateFaults, ...givenFaults, ...theirGateFaults];
