import { access, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { KubernetesObject } from '@kubernetes/client-node';
import { eventually, EventuallyError } from '../../helpers/eventually/eventually.ts';
import { remove } from '../../helpers/kube/apply.ts';
import { nameOf } from '../../helpers/kube/client.ts';
import { compareSnapshots } from '../../helpers/kube/snapshot.ts';
import { podsMustBeGone } from '../../helpers/kube/workloads.ts';
import { timeouts } from '../../helpers/timeouts.ts';
import { fail } from './fail.ts';
import { interruptSquid, sleepObjects, snapshotOf } from './prepare.ts';
import { serviceEntryIn } from './service-entry.ts';
import { squidIsDeployed, type Step } from './step.ts';
import type { World } from './world.ts';

export const cleanup: readonly Step[] = [
  {
    id: 'CLEAN-1',
    section: 'cleanup',
    title: 'Shut down sleep',
    commands: ['kubectl delete -f @samples/sleep/sleep.yaml@'],
    needs: [],
    undoes: 'BEFORE-2',
    run: async (world) => {
      await world.witnesses.unfollow('sidecar');
      await mustGo(world, sleepObjects, world.namespaces.mesh);
      await podsGone(world, world.namespaces.mesh, 'app=sleep');
    },
  },
  {
    id: 'CLEAN-2',
    section: 'cleanup',
    title: 'Shut down sleep in external',
    commands: ['kubectl delete -f @samples/sleep/sleep.yaml@ -n external'],
    needs: [],
    undoes: 'PROXY-5',
    run: async (world) => {
      await mustGo(world, sleepObjects, world.namespaces.external);
      await podsGone(world, world.namespaces.external, 'app=sleep');
    },
  },
  {
    id: 'CLEAN-3',
    section: 'cleanup',
    when: squidIsDeployed,
    title: 'Shut down Squid, delete the ConfigMap and the file',
    commands: [
      'kubectl delete -n external deployment squid $ kubectl delete -n external configmap proxy-configmap $ rm ./proxy.conf',
    ],
    needs: [],
    undoes: 'PROXY-4',
    run: async (world) => {
      await world.witnesses.unfollow('proxy');
      const { external } = world.namespaces;
      const metadata = { namespace: external };
      await mustGo(world, [
        { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { ...metadata, name: 'squid' } },
      ]);
      await mustGo(world, [
        { apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...metadata, name: 'proxy-configmap' } },
      ]);
      const file = join(world.folder, 'proxy.conf');
      await rm(file, { force: true });
      await access(file).then(
        () => fail('LEFT_BEHIND', './proxy.conf', 'the file is deleted'),
        () => undefined,
      );
      await podsGone(world, external, 'app=squid', (pod) => interruptSquid(world.kube, pod, external));
    },
  },
  {
    id: 'CLEAN-4',
    section: 'cleanup',
    title: 'Delete namespace external',
    commands: ['kubectl delete namespace external'],
    needs: [],
    undoes: 'PROXY-1',
    run: async (world) => {
      const metadata = { name: world.namespaces.external };
      if (world.session.existing?.prepared.includes(metadata.name) === true) {
        world.note('namespace', `${metadata.name} was prepared for the suite, and stays`);
        return;
      }
      await mustGo(world, [{ apiVersion: 'v1', kind: 'Namespace', metadata }]);
    },
  },
  {
    id: 'CLEAN-5',
    section: 'cleanup',
    title: 'Delete the ServiceEntry',
    commands: ['kubectl delete serviceentry proxy'],
    needs: [],
    undoes: 'MESH-1',
    run: async (world) => {
      await mustGo(world, [serviceEntryIn(world.namespaces.mesh)]);
    },
  },
  {
    id: 'CLEAN-6',
    section: 'cleanup',
    title: 'The cluster is as it was before the first step',
    commands: [],
    needs: ['CLEAN-1', 'CLEAN-2', 'CLEAN-3', 'CLEAN-4', 'CLEAN-5'],
    run: async (world) => {
      try {
        await eventually(
          'the cluster to be as it was before the first step',
          async () => {
            const after = await snapshotOf(world);
            const { added, removed, changed } = compareSnapshots(world.before.get(), after);
            const differences = [
              ...added.map((key) => `left behind: ${key}`),
              ...removed.map((key) => `missing: ${key}`),
              ...changed.map((key) => `changed: ${key}`),
            ];
            if (differences.length > 0) throw new Error(differences.join('; '));
          },
          // The garbage collector takes a moment for what deleted objects owned.
          { timeoutMs: 15_000, intervalMs: 500 },
        );
      } catch (error) {
        if (!(error instanceof EventuallyError)) throw error;
        fail(
          'LEFT_BEHIND',
          error.message,
          "the cluster's objects equal the snapshot taken before the first step",
        );
      }
    },
  },
];

/** Deletes as kubectl does and waits until the objects are gone. What a failed step never made is gone already. */
async function mustGo(world: World, objects: readonly KubernetesObject[], namespace?: string): Promise<void> {
  try {
    await remove(world.kube, objects, namespace);
  } catch (error) {
    if (!(error instanceof EventuallyError)) throw error;
    const stuck = objects.some(({ kind }) => kind === 'Namespace');
    fail(
      stuck ? 'NAMESPACE_STUCK' : 'LEFT_BEHIND',
      error.message,
      `${objects.map(nameOf).join(', ')} is gone within ${timeouts.deletion / 1000} s`,
    );
  }
}

async function podsGone(
  world: World,
  namespace: string,
  labels: string,
  onLeaving?: (pod: string) => Promise<void>,
): Promise<void> {
  try {
    await podsMustBeGone(world.kube, namespace, labels, onLeaving);
  } catch (error) {
    if (!(error instanceof EventuallyError)) throw error;
    fail('LEFT_BEHIND', error.message, `no pod with ${labels} in ${namespace}`);
  }
}
