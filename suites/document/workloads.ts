import type { V1Pod } from '@kubernetes/client-node';
import { EventuallyError } from '../../helpers/eventually/eventually.ts';
import { deploymentMustBeReady } from '../../helpers/kube/workloads.ts';
import { fail } from './fail.ts';
import type { World } from './world.ts';

/** The Deployment's ready pods; one that does not become ready fails the step with a cause. */
export async function workloadMustBeReady(world: World, namespace: string, name: string): Promise<V1Pod[]> {
  try {
    return await deploymentMustBeReady(world.kube, namespace, name);
  } catch (error) {
    if (!(error instanceof EventuallyError)) throw error;
    const cause = name === 'squid' ? 'PROXY_POD_NOT_READY' : 'WORKLOAD_NOT_READY';
    fail(cause, error.message, `Deployment ${namespace}/${name} is ready`);
  }
}
