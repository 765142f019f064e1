import type { KubernetesObject, V1ConfigMap } from '@kubernetes/client-node';
import { apply } from '../../helpers/kube/apply.ts';
import type { Kube } from '../../helpers/kube/client.ts';
import { deploymentMustBeReady } from '../../helpers/kube/workloads.ts';

/** Has the cluster's DNS know a name, as that of a company knows its proxy. */
export async function nameInTheCluster(kube: Kube, name: string, ips: readonly string[]): Promise<void> {
  const { core } = kube;
  const where = { namespace: 'kube-system', name: 'coredns' };
  const stored: V1ConfigMap = await core.readNamespacedConfigMap(where);
  const corefile = stored.data?.['Corefile'] ?? '';
  const hosts = `    hosts {\n${ips.map((ip) => `      ${ip} ${name}\n`).join('')}      fallthrough\n    }\n`;
  const changed = corefile.replace(/^ *kubernetes /m, (line) => `${hosts}${line}`);
  if (changed === corefile) throw new Error('The cluster’s Corefile has another text now');
  const metadata = { namespace: 'kube-system', name: 'coredns' };
  // CoreDNS would look at the change in half a minute; one that starts anew, at once.
  const template = { metadata: { annotations: { 'conformance.test/names': ips.join(' ') } } };
  await apply(kube, [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { Corefile: changed } } as KubernetesObject,
    { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { template } } as KubernetesObject,
  ]);
  await deploymentMustBeReady(kube, 'kube-system', 'coredns');
}
