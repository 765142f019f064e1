import { KubeConfig } from '@kubernetes/client-node';
import type { Kube } from '../../helpers/kube/client.ts';

/** A kubeconfig for a service account of a cluster, by a token that ends in an hour. */
export async function kubeconfigOf(
  { config, core }: Kube,
  account: { readonly namespace: string; readonly name: string },
): Promise<string> {
  const { status } = await core.createNamespacedServiceAccountToken({
    ...account,
    body: { spec: { audiences: [], expirationSeconds: 3600 } },
  });
  const cluster = config.getCurrentCluster();
  const token = status?.token;
  if (cluster === null || token === undefined) throw new Error('no cluster, or no token');
  const made = new KubeConfig();
  made.loadFromClusterAndUser(cluster, { name: account.name, token });
  return made.exportConfig();
}
