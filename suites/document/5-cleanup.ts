import { access, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { KubernetesObject } from '@kubernetes/client-node';
import { namespaceObject } from '../../helpers/kube/manifests.ts';
import type { Edition } from '../../helpers/document/edition.ts';
import { eventually } from '../../helpers/eventually/eventually.ts';
import { remove } from '../../helpers/kube/apply.ts';
import { nameOf } from '../../helpers/kube/client.ts';
import { compareSnapshots } from '../../helpers/kube/snapshot.ts';
import { podsMustBeGone } from '../../helpers/kube/workloads.ts';
import { timeouts } from '../../helpers/timeouts.ts';
import { isOwnClient } from './given-client.ts';
import { fail, waitOrFail } from './must.ts';
import { clientObjects, proxyObjects, snapshotOf } from './prepare.ts';
import { interruptSquid } from '../../helpers/proxy/squid-process.ts';
import { serviceEntryIn } from './service-entry.ts';
import { inSection, isDeployed, type Step } from './step.ts';
import type { World } from './world.ts';

export const cleanup = ({ commands, client }: Edition): readonly Step[] =>
  inSection('cleanup', {
    'CLEAN-1': {
      when: isOwnClient,
      title: `Shut down ${client}`,
      commands: [commands.deleteClient],
      needs: [],
      undoes: 'BEFORE-2',
      run: async (world) => {
        await world.witnesses.unfollow('sidecar');
        await mustGo(world, clientObjects(world.edition), world.namespaces.mesh);
        await podsGone(world, world.namespaces.mesh, `app=${world.edition.client}`);
      },
    },
    'CLEAN-2': {
      title: `Shut down ${client} in external`,
      commands: [commands.deleteOutsideClient],
      needs: [],
      undoes: 'PROXY-5',
      ahead: {
        with: 'CLEAN-1',
        work: (world) => mustGo(world, clientObjects(world.edition), world.namespaces.external),
      },
      run: async (world) => {
        await podsGone(world, world.namespaces.external, `app=${world.edition.client}`);
      },
    },
    'CLEAN-3': {
      when: isDeployed,
      title: 'Shut down Squid, delete the ConfigMap and the file',
      commands: [commands.deleteProxy],
      needs: [],
      undoes: 'PROXY-4',
      ahead: {
        with: 'CLEAN-1',
        work: async (world) => {
          await world.witnesses.unfollow('proxy');
          for (const object of proxyObjects(world)) await mustGo(world, [object]);
          await rm(join(world.folder, 'proxy.conf'), { force: true });
        },
      },
      run: async (world) => {
        const { external } = world.namespaces;
        await access(join(world.folder, 'proxy.conf')).then(
          () => fail('LEFT_BEHIND', './proxy.conf', 'the file is deleted'),
          () => undefined,
        );
        const { app } = world.edition.proxy;
        await podsGone(world, external, `app=${app}`, (pod) =>
          interruptSquid(world.kube, { namespace: external, pod, container: app }),
        );
      },
    },
    'CLEAN-4': {
      title: 'Delete namespace external',
      commands: [commands.deleteNamespace],
      needs: [],
      undoes: 'PROXY-1',
      ahead: {
        with: 'CLEAN-1',
        // As for the document's reader, all that was made in it is gone by then, but for pods that are going. The
        // namespace's controller looks at it five seconds later.
        after: ['CLEAN-2', 'CLEAN-3'],
        work: async (world) => {
          if (staysPrepared(world)) return;
          await mustGo(world, [namespaceObject(world.namespaces.external)]);
        },
      },
      run: (world) => {
        if (staysPrepared(world)) {
          world.note('namespace', `${world.namespaces.external} was prepared for the suite, and stays`);
        }
        return Promise.resolve();
      },
    },
    'CLEAN-5': {
      title: 'Delete the ServiceEntry',
      commands: [commands.deleteServiceEntry],
      needs: [],
      undoes: 'MESH-1',
      ahead: {
        with: 'CLEAN-1',
        work: (world) => mustGo(world, [serviceEntryIn(world)]),
      },
      run: () => Promise.resolve(),
    },
    'CLEAN-6': {
      title: 'The cluster is as it was before the first step',
      needs: ['CLEAN-1', 'CLEAN-2', 'CLEAN-3', 'CLEAN-4', 'CLEAN-5'],
      run: async (world) => {
        const expected = "the cluster's objects equal the snapshot taken before the first step";
        await waitOrFail('LEFT_BEHIND', expected, () =>
          eventually(
            'the cluster to be as it was before the first step',
            async () => {
              const differences = compareSnapshots(world.before.get(), await snapshotOf(world));
              if (differences.length > 0) throw new Error(differences.join('; '));
            },
            // The garbage collector takes a moment for what deleted objects owned.
            { timeoutMs: 15_000, intervalMs: 200 },
          ),
        );
      },
    },
  });

function staysPrepared({ session, namespaces }: World): boolean {
  return session.existing?.prepared.includes(namespaces.external) === true;
}

/** Deletes as kubectl does and waits until the objects are gone. What a failed step never made is gone already. */
async function mustGo(world: World, objects: readonly KubernetesObject[], namespace?: string): Promise<void> {
  const stuck = objects.some(({ kind }) => kind === 'Namespace');
  await waitOrFail(
    stuck ? 'NAMESPACE_STUCK' : 'LEFT_BEHIND',
    `${objects.map(nameOf).join(', ')} is gone within ${timeouts.deletion / 1000} s`,
    () => remove(world.kube, objects, namespace),
  );
}

async function podsGone(
  world: World,
  namespace: string,
  labels: string,
  onLeaving?: (pod: string) => Promise<void>,
): Promise<void> {
  await waitOrFail('LEFT_BEHIND', `no pod with ${labels} in ${namespace}`, () =>
    podsMustBeGone(world.kube, namespace, labels, onLeaving),
  );
}
