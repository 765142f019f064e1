import type { Edition } from '../helpers/document/edition.ts';
import { identified, type Fault, type FaultEntry } from './fault.ts';
import { istio, namespace } from './objects.ts';
import type { Rig } from './rig.ts';

const template = '  template:\n    metadata:\n';

/** The client's pod in the mesh gets an annotation. */
function annotated(key: string, value: string | ((edition: Edition) => string)): (rig: Rig) => void {
  return (rig) => {
    const text = typeof value === 'string' ? value : value(rig.edition);
    const annotation = `      annotations:\n        ${key}: ${JSON.stringify(text)}\n`;
    rig.alterClient('mesh', (manifest) => manifest.replace(template, `${template}${annotation}`));
  };
}

/** The client's pod opts out of injection, or into it. */
function labelled(where: 'mesh' | 'external', inject: boolean): (rig: Rig) => void {
  const labels = `${template}      labels:\n`;
  const label = `        sidecar.istio.io/inject: "${inject}"\n`;
  return (rig) => {
    rig.alterClient(where, (text) => text.replace(labels, `${labels}${label}`));
  };
}

/** `istioctl install` with another meshConfig; the sidecars have it before the step that would notice. */
function meshConfig(
  title: string,
  cause: Fault['expect']['cause'],
  [from, to]: readonly [string, string],
  holds: (outbound: string) => boolean,
): FaultEntry {
  return {
    title,
    expect: { step: 'BEFORE-1', cause },
    from: 'BEFORE-1',
    before: 'BEFORE-1',
    inject: (rig) => {
      rig.alter('istio.yaml', (text) => text.replace(from, to));
      rig.beforeJudging(() => rig.meshConfigMustArrive(to, holds));
    },
    // The configuration has the text of its format in it; this is how Istio's default begins.
    undo: (rig) =>
      rig.reinstalled('the access log of the document', (outbound) => outbound.includes('[%START_TIME%] ')),
  };
}

export const sidecarFaults: readonly Fault[] = identified<FaultEntry>({
  'NAMESPACE-NOT-LABELLED': {
    title: 'The namespace is not labelled, so nothing is injected',
    expect: { step: 'BEFORE-2', cause: 'NAMESPACE_NOT_LABELLED' },
    before: 'BEFORE-2',
    inject: async (rig) => {
      rig.alter('document/default-namespace.yaml', (text) => text.replace(/ {2}labels:\n.*\n/, ''));
      await rig.removeClient();
    },
    undo: (rig) => rig.removeClient(),
  },
  'NOT-INJECTED': {
    title: 'The pod opts out of injection',
    expect: { step: 'BEFORE-2', cause: 'SIDECAR_MISSING' },
    before: 'BEFORE-2',
    inject: labelled('mesh', false),
  },
  'PORT-EXCLUDED': {
    title: 'excludeOutboundPorts 3128 on the client',
    expect: { step: 'MESH-3', cause: 'NOT_CAPTURED' },
    before: 'BEFORE-2',
    inject: annotated('traffic.sidecar.istio.io/excludeOutboundPorts', (edition) =>
      String(edition.proxy.port),
    ),
  },
  'ADDRESS-EXCLUDED': {
    title: 'The pods’ network is excluded from capture on the client',
    expect: { step: 'MESH-3', cause: 'NOT_CAPTURED' },
    before: 'BEFORE-2',
    inject: annotated('traffic.sidecar.istio.io/excludeOutboundIPRanges', '10.0.0.0/8'),
  },
  'INTERCEPTION-NONE': {
    title: 'Nothing is redirected to the client’s sidecar (interceptionMode NONE)',
    expect: { step: 'BEFORE-2', cause: 'NOT_CAPTURED' },
    before: 'BEFORE-2',
    inject: annotated('sidecar.istio.io/interceptionMode', 'NONE'),
  },
  'ADDRESS-EXCLUDED-MESHWIDE': {
    title: 'The injector leaves the pods’ network out of capture (global.proxy.excludeIPRanges)',
    expect: { step: 'MESH-3', cause: 'NOT_CAPTURED' },
    before: 'BEFORE-2',
    inject: async (rig) => {
      await rig.changeInjectorValues({ excludeIPRanges: '10.0.0.0/8' });
      await rig.removeClient();
    },
    undo: async (rig) => {
      await rig.restoreInjector();
      await rig.removeClient();
    },
  },
  'ISTIOD-BY-PROXY': {
    title: 'The sidecar’s own container has HTTPS_PROXY, and looks for istiod there',
    expect: { step: 'BEFORE-2', cause: 'SIDECAR_CANNOT_REACH_ISTIOD' },
    before: 'BEFORE-2',
    inject: annotated('proxy.istio.io/config', 'proxyMetadata: {HTTPS_PROXY: "http://127.0.0.1:9"}'),
  },
  'ISTIOD-NOT-RESOLVED': {
    title: 'The sidecar looks for istiod by a name that does not resolve',
    expect: { step: 'BEFORE-2', cause: 'SIDECAR_CANNOT_REACH_ISTIOD' },
    before: 'BEFORE-2',
    inject: annotated('proxy.istio.io/config', 'discoveryAddress: istiod.no-such-namespace.svc:15012'),
  },
  'ACCESS-LOG-OFF': meshConfig(
    'The access log is off, as in every profile but demo',
    'ACCESS_LOG_OFF',
    ['accessLogFile: /dev/stdout', 'accessLogFile: ""'],
    (outbound) => !outbound.includes('access_log'),
  ),
  'ACCESS-LOG-JSON': meshConfig(
    'The access log is JSON',
    'ACCESS_LOG_ENCODING',
    ['accessLogEncoding: TEXT', 'accessLogEncoding: JSON'],
    (outbound) => outbound.includes('json_format'),
  ),
  'ACCESS-LOG-FORMAT': meshConfig(
    'The access log has a format of the company',
    'ACCESS_LOG_ENCODING',
    ['accessLogEncoding: TEXT', 'accessLogFormat: "%UPSTREAM_CLUSTER% %DOWNSTREAM_REMOTE_ADDRESS%\\n"'],
    (outbound) => outbound.includes('%UPSTREAM_CLUSTER% %DOWNSTREAM_REMOTE_ADDRESS%\\n'),
  ),
  'TELEMETRY-OFF': {
    title: 'A Telemetry resource turns the access log off',
    expect: { step: 'MESH-3', cause: 'ACCESS_LOG_OFF' },
    before: 'MESH-1',
    objects: ({ edition }) => [
      istio('telemetry', 'Telemetry', edition.namespaces.mesh, 'quiet', {
        accessLogging: [{ providers: [{ name: 'envoy' }], disabled: true }],
      }),
    ],
  },
  'OTHER-PROXY-VERSION': {
    title: 'The sidecar tells another version than the control plane',
    expect: { step: 'BEFORE-2', cause: 'SIDECAR_VERSION' },
    before: 'BEFORE-2',
    inject: annotated('proxy.istio.io/config', 'proxyMetadata: {ISTIO_META_ISTIO_VERSION: 1.27.0}'),
  },
  'EXTERNAL-LABELLED': {
    title: 'Namespace external is labelled for injection',
    expect: { step: 'PROXY-1', cause: 'NAMESPACE_LABELLED' },
    before: 'PROXY-1',
    inject: (rig) => rig.apply(namespace(rig.edition.namespaces.external, { 'istio-injection': 'enabled' })),
    undo: (rig) => rig.apply(namespace(rig.edition.namespaces.external)),
  },
  'EXTERNAL-INJECTED': {
    title: 'The client in external has a sidecar: the baseline is not without Istio',
    expect: { step: 'PROXY-5', cause: 'SIDECAR_UNEXPECTED' },
    before: 'PROXY-5',
    inject: labelled('external', true),
  },
});
