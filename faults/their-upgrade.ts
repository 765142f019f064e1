import type {
  KubernetesObject,
  V1MutatingWebhookConfiguration,
  V1ValidatingWebhookConfiguration,
} from '@kubernetes/client-node';
import { parse, stringify } from 'yaml';
import { makeDefault, installIstio, uninstallIstio } from '../helpers/istio/install.ts';
import { istiodOf, revisionOf } from '../helpers/istio/revision.ts';
import { apply, find, merge, remove } from '../helpers/kube/apply.ts';
import { restartDeployment } from '../helpers/kube/workloads.ts';
import { setsOf, type Gate } from '../suites/upgrade/gate.ts';
import { identified } from './fault.ts';
import type { GateFault, TheirGateFault } from './gate-fault.ts';
import { namespace, root } from './objects.ts';

/** How a user's command installs the new version: by istioctl, since that is what every machine of the suite has. */
interface Installation {
  /** Beside the old one, by the version's usual name. */
  readonly canary?: true;
  readonly alter?: (manifest: string) => string;
}

const stable = 'stable';

/** What `istioctl tag set` makes, or the chart of istiod by its value revisionTags. */
function injectorOfTag(
  tag: string,
  service = istiodOf(undefined),
): V1MutatingWebhookConfiguration & KubernetesObject {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: {
      name: `istio-revision-tag-${tag}`,
      labels: { app: 'sidecar-injector', 'istio.io/rev': 'default', 'istio.io/tag': tag },
    },
    webhooks: [
      {
        name: 'rev.namespace.sidecar-injector.istio.io',
        clientConfig: { service: { name: service, namespace: root, path: '/inject', port: 443 } },
        namespaceSelector: { matchExpressions: [{ key: 'istio.io/rev', operator: 'In', values: [tag] }] },
        rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }],
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
      },
    ],
  };
}

/** Another namespace of the user's, which gets its sidecars by a tag. */
const injectedByTag = [namespace('theirs-by-tag', { 'istio.io/rev': stable }), injectorOfTag(stable)];

/** A Service that is not there. */
const nobody = 'istiod-half';

/** Upgrades of a user's own mesh, each by a command that ends with exit code 0 and does something else besides, or nothing. */
export const theirGateFaults: readonly GateFault[] = identified<Omit<TheirGateFault, 'id'>>({
  'GATE-THEIRS-NOTHING': {
    title: 'The upgrade command ends with exit code 0, and has upgraded nothing',
    expect: { step: 'upgrade/UPGRADE-2', cause: 'NOTHING_UPGRADED' },
    theirs: () => Promise.resolve(),
  },
  'GATE-THEIRS-RESTARTS': {
    title: 'The upgrade command restarts the proxy’s clients as well',
    expect: { step: 'upgrade/UPGRADE-3', cause: 'PODS_RESTARTED' },
    theirs: async (gate) => {
      await installNew(gate);
      const { mesh } = gate.session.namespaces;
      for (const name of [gate.edition.client, 'kept', 'restarted']) {
        await restartDeployment(gate.kube, mesh, name);
      }
    },
  },
  'GATE-THEIRS-OLD-REMOVED': {
    title: 'A canary’s command removes the old revision while old sidecars still use it',
    expect: { step: 'upgrade/UPGRADE-3', cause: 'OLD_REVISION_REMOVED' },
    theirs: async (gate) => {
      await installNew(gate, { canary: true });
      const { to } = setsOf(gate.session);
      const { cluster } = gate.session;
      await makeDefault(cluster, to, revisionOf(to.istio));
      await uninstallIstio(cluster, to, { revision: undefined });
    },
  },
  'GATE-THEIRS-NOT-READY': {
    title: 'The upgrade command does not wait, and the new control plane never becomes ready',
    expect: { step: 'upgrade/UPGRADE-2', cause: 'UPGRADE_FAILED' },
    theirs: async (gate) => {
      const missing = (text: string): string => text.replace('${PILOT_IMAGE}', '${PILOT_IMAGE}-missing');
      // istioctl waits, and says so; a command without --wait does not.
      await installNew(gate, { canary: true, alter: missing }).catch(() => undefined);
    },
  },
  'GATE-THEIRS-TAG-REMOVED': {
    title: 'The upgrade command takes a revision tag away, by which another namespace got its sidecars',
    objects: injectedByTag,
    expect: { step: 'upgrade/UPGRADE-4', cause: 'INJECTOR_GONE' },
    theirs: async (gate) => {
      await installNew(gate);
      await remove(gate.kube, [injectorOfTag(stable)]);
    },
  },
  'GATE-THEIRS-INJECTOR-SERVICE': {
    title: 'The upgrade command leaves a revision tag whose injector asks a Service that is not there',
    objects: injectedByTag,
    expect: {
      step: 'upgrade/UPGRADE-4',
      cause: 'INJECTOR_GONE',
      names: 'asks Service istio-system/istiod-half, which is not there',
    },
    theirs: async (gate) => {
      await installNew(gate);
      await apply(gate.kube, [injectorOfTag(stable, nobody)]);
    },
  },
  'GATE-THEIRS-VALIDATOR': {
    title: 'The upgrade command leaves validating webhooks that ask a Service that is not there',
    expect: {
      step: 'document-old-proxy/MESH-1',
      cause: 'CONTROL_PLANE',
      names: 'service "istiod-half" not found',
    },
    theirs: async (gate) => {
      await installNew(gate);
      const named = { apiVersion: 'admissionregistration.k8s.io/v1', kind: 'ValidatingWebhookConfiguration' };
      for (const name of ['istiod-default-validator', `istio-validator-${root}`]) {
        const target = { ...named, metadata: { name } };
        const found = await find<V1ValidatingWebhookConfiguration>(gate.kube, target);
        const webhooks = (found?.webhooks ?? []).map((one) => ({
          ...one,
          clientConfig: {
            ...one.clientConfig,
            service: { ...one.clientConfig.service, name: nobody, namespace: root },
          },
        }));
        await merge(gate.kube, Object.assign(target, { webhooks }));
      }
    },
  },
  'GATE-THEIRS-REGISTRY-ONLY': {
    title: 'The upgrade command flips the mesh’s outbound policy to REGISTRY_ONLY as well',
    expect: { step: 'clean-up/CONTROL-6', cause: 'LISTENER_DIFFERS' },
    theirs: (gate) =>
      installNew(gate, { alter: (text) => text.replace('mode: ALLOW_ANY', 'mode: REGISTRY_ONLY') }),
  },
});

/** Installs the new version by istioctl, in the old one's place or beside it. */
export async function installNew(
  gate: Gate,
  { canary, alter = (text) => text }: Installation = {},
): Promise<void> {
  const { to } = setsOf(gate.session);
  const text = alter(await gate.fixtures.text('istio.yaml'));
  const options = canary === true ? { revision: revisionOf(to.istio) } : { upgrade: true };
  await installIstio(gate.session.cluster, to, text, options);
}

/** The same installation with further fields of meshConfig. */
export function withMeshConfig(fields: object): (manifest: string) => string {
  return (manifest) => {
    const { spec, ...operator } = parse(manifest) as { spec: { meshConfig: object } };
    return stringify({ ...operator, spec: { ...spec, meshConfig: { ...spec.meshConfig, ...fields } } });
  };
}
