import { uninstallIstio } from '../../helpers/istio/install.ts';
import { remove, labelNamespace } from '../../helpers/kube/apply.ts';
import { trafficNamespace } from '../../helpers/traffic/traffic.ts';
import { resetDocument } from '../document/prepare.ts';
import type { Gate } from './gate.ts';

/** Brings a used cluster back to where a gate begins: without Istio, whatever the gate before left in it. */
export async function resetGate({ kube, session, to }: Gate): Promise<void> {
  await remove(kube, [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: trafficNamespace } }]);
  await resetDocument(kube, session);
  await labelNamespace(kube, session.namespaces.mesh, { 'istio-injection': null, 'istio.io/rev': null });
  await uninstallIstio(session.cluster, to, 'everything');
  await remove(kube, [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'istio-system' } }]);
}
