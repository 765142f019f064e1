import type { KubernetesObject } from '@kubernetes/client-node';
import { kubeObject, namespaceObject } from '../helpers/kube/manifests.ts';
import { apply } from '../helpers/kube/apply.ts';
import { serviceEntryIn } from '../suites/document/service-entry.ts';
import { identified, type Fault, type FaultEntry } from './fault.ts';
import type { Rig } from './rig.ts';

const finalizer = 'conformance.example.com/never-removed';
const heldIn = (rig: Rig): KubernetesObject =>
  kubeObject('ConfigMap', { ...rig.outside('held'), finalizers: [finalizer] });

export const cleanupFaults: readonly Fault[] = identified<FaultEntry>({
  'ENTRY-HELD': {
    title: 'A finalizer holds the ServiceEntry back',
    expect: { step: 'CLEAN-5', cause: 'LEFT_BEHIND' },
    before: 'CLEAN-1',
    inject: (rig) => setFinalizers(rig, serviceEntryIn(rig.world), [finalizer]),
    undo: (rig) => setFinalizers(rig, serviceEntryIn(rig.world), []),
  },
  'ENTRY-COMES-BACK': {
    title: 'The ServiceEntry comes back after its deletion',
    expect: { step: 'CLEAN-6', cause: 'LEFT_BEHIND' },
    before: 'CLEAN-6',
    inject: async (rig) => {
      const values = { PROXY_IP: '10.0.0.1', PROXY_PORT: String(rig.edition.proxy.port) };
      await apply(
        rig.kube,
        await rig.world.fixtures.objects('document/service-entry.yaml', values),
        rig.edition.namespaces.mesh,
      );
    },
    undo: (rig) => rig.remove(serviceEntryIn(rig.world)),
  },
  'NAMESPACE-STUCK': {
    title: 'A finalizer in it keeps namespace external from going',
    expect: { step: 'CLEAN-4', cause: 'NAMESPACE_STUCK' },
    before: 'CLEAN-1',
    inject: (rig) => rig.apply(heldIn(rig)),
    undo: async (rig) => {
      await setFinalizers(rig, heldIn(rig), []);
      await rig.remove(namespaceObject(rig.edition.namespaces.external));
    },
  },
});

async function setFinalizers({ kube }: Rig, held: KubernetesObject, finalizers: string[]): Promise<void> {
  const stored = await kube.objects.read({
    ...held,
    metadata: { ...held.metadata, name: held.metadata?.name ?? '' },
  });
  await kube.objects.replace({ ...stored, metadata: { ...stored.metadata, finalizers } });
}
