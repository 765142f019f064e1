import type { KubernetesObject } from '@kubernetes/client-node';
import { expect } from 'vitest';
import { kubeObject } from '../../helpers/kube/manifests.ts';
import { schedulable } from '../../helpers/kube/nodes.ts';
import { podMustBeReady } from '../../helpers/kube/workloads.ts';
import { waitOrFail } from '../document/must.ts';
import { sidecarMustTunnel } from '../document/sidecar.ts';
import { inSection } from '../document/step.ts';
import type { World } from '../document/world.ts';
import { withObjects } from './absence.ts';
import { documentsWay } from './mesh.ts';

/** The way out of a cluster differs by node: firewalls, addresses, NAT. The document's client is on one of them. */
export const onEveryNode = inSection('controls', [
  {
    id: 'NODE-1',
    title: 'From a client on each node, the page arrives through the proxy as documented (--every-node)',
    needs: ['MESH-2'],
    when: ({ configuration: { everyNode } }) => everyNode,
    run: async (world) => {
      const { kube } = world;
      const { items } = await kube.core.listNode();
      const { names, leftOut } = schedulable(items);
      const clients = names.map((node, index) => ({ node, pod: `conformance-node-${index + 1}` }));
      for (const reason of leftOut) world.note('left out', reason);
      await withObjects(
        world,
        clients.map(({ node, pod }) => clientOn(world, node, pod)),
        async () => {
          for (const client of clients) await judge(world, client);
        },
      );
      // Their pods are gone, and their logs with them.
      await world.witnesses.unfollow('sidecar');
      world.note('nodes', names.join(', '));
    },
  },
]);

interface Client {
  readonly node: string;
  readonly pod: string;
}

async function judge(world: World, { node, pod }: Client): Promise<void> {
  const namespace = world.namespaces.mesh;
  const expected = `pod ${namespace}/${pod} is ready on node ${node}`;
  await waitOrFail('WORKLOAD_NOT_READY', expected, () => podMustBeReady(world.kube, namespace, pod));
  // A trip that fails from here on names the pod; this note says which node it is on.
  world.note(pod, `on node ${node}`);
  await sidecarMustTunnel(world, pod);
  world.witnesses.follow('sidecar', { namespace, pod, container: 'istio-proxy' });
  const trip = await world.witnesses.fetch(
    { namespace, pod, container: world.edition.client },
    { via: world.proxy(), sidecar: true },
  );
  world.evidence(trip);
  expect(trip).toHaveTitle(world.session.destination.title);
  expect(trip).toHaveCrossed(...documentsWay(world));
}

/** By affinity and not by `nodeName`: the scheduler is to say when the node has no room. */
function clientOn({ edition, namespaces, session }: World, node: string, pod: string): KubernetesObject {
  const terms = [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] }];
  const spec = {
    terminationGracePeriodSeconds: 0,
    affinity: {
      nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } },
    },
    containers: [
      {
        name: edition.client,
        image: session.images.images.curl.reference,
        command: ['/bin/sleep', 'infinity'],
        imagePullPolicy: 'IfNotPresent',
      },
    ],
  };
  const metadata = { name: pod, namespace: namespaces.mesh, labels: { app: 'conformance-node-client' } };
  return kubeObject('Pod', metadata, { spec });
}
