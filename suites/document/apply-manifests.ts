import type { KubernetesObject } from '@kubernetes/client-node';
import { placeText } from '../../helpers/given/document.ts';

import type { Given } from '../../helpers/given/given.ts';
import type { GivenObject } from '../../helpers/given/manifests.ts';
import { apply, find, inNamespace, RefusedError, remove } from '../../helpers/kube/apply.ts';
import { nameOf, type Kube } from '../../helpers/kube/client.ts';
import { fail, workloadMustBeReady } from './must.ts';
import { inSection } from './step.ts';
import type { World } from './world.ts';

/** The user's own manifests, where a run has any: before the first pod of the document. */
export const applyManifests = inSection('controls', {
  'APPLY-1': {
    title: 'Your manifests are applied, and your workloads are ready',
    needs: ['BEFORE-1'],
    when: ({ configuration }) => configuration.apply.length > 0,
    run: (world) => manifestsMustApply(world),
  },
});

/** Applies the user's manifests, in their order, and waits for the workloads among them. */
export async function manifestsMustApply(world: World): Promise<void> {
  const objects = world.session.given?.objects ?? [];
  const stored: KubernetesObject[] = [];
  for (const each of objects) stored.push(...(await applyOne(world, each)));
  world.note('applied', `${stored.length} objects: ${stored.map(nameOf).join(', ')}`);
  for (const { namespace, name } of deployments(stored)) await workloadMustBeReady(world, namespace, name);
}

/** Removes what the user's manifests made, as far as it is there. */
export async function removeManifests(kube: Kube, given: Given | undefined): Promise<void> {
  const found: KubernetesObject[] = [];
  // Without Istio's CustomResourceDefinitions there are no objects of them, and no way to ask for their deletion.
  for (const { object } of given?.objects ?? []) {
    // `default` is everybody's, and stays.
    if (object.kind === 'Namespace' && object.metadata?.name === 'default') continue;
    const placed = inNamespace(object);
    if ((await find(kube, placed)) !== undefined) found.push(placed);
  }
  await remove(kube, found);
}

async function applyOne(world: World, given: GivenObject): Promise<KubernetesObject[]> {
  try {
    return await apply(world.kube, [given.object]);
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    fail(
      'MANIFEST_REFUSED',
      `${placeText(given)}: ${error.message}`,
      'the API server and its webhooks take each object',
    );
  }
}

export function deployments(
  objects: readonly KubernetesObject[],
): { readonly namespace: string; readonly name: string }[] {
  return objects.flatMap(({ kind = '', metadata }) =>
    kind === 'Deployment'
      ? [{ namespace: metadata?.namespace ?? 'default', name: metadata?.name ?? '' }]
      : [],
  );
}
