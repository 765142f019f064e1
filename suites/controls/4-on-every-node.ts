import type { KubernetesObject } from '@kubernetes/client-node';
import { expect } from 'vitest';
import { kubeObject } from '../../helpers/kube/manifests.ts';
import { schedulable } from '../../helpers/kube/nodes.ts';
import { podMustBeReady } from '../../helpers/kube/workloads.ts';
import { EventuallyError } from '../../helpers/eventually/eventually.ts';
import { SidecarWatch } from '../../helpers/istio/sidecar-watch.ts';
import { ConformanceError, findingsOf, type Finding } from '../../helpers/trip/finding.ts';
import { sidecarComplaint } from '../document/sidecar-complaint.ts';
import { sidecarMustTunnel } from '../document/sidecar.ts';
import { inSection } from '../document/step.ts';
import type { World } from '../document/world.ts';
import { withObjects } from './absence.ts';
import { documentsWay } from './mesh.ts';

/** The way out of a cluster differs by node: firewalls, addresses, NAT. The document's client is on one of them. */
export const onEveryNode = inSection('controls', {
  'NODE-1': {
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
        () => judgeAll(world, clients),
      );
      // Their pods are gone, and their logs with them.
      await world.witnesses.unfollow('sidecar');
      world.note('nodes', names.join(', '));
    },
  },
});

interface Client {
  readonly node: string;
  readonly pod: string;
}

/** Every node is judged, so that a failure says which of them have it and which have not. */
async function judgeAll(world: World, clients: readonly Client[]): Promise<void> {
  const ready = await Promise.allSettled(clients.map((client) => mustBeReady(world, client)));
  const failed: { readonly node: string; readonly error: unknown }[] = [];
  for (const [index, client] of clients.entries()) {
    const begun = ready[index];
    try {
      if (begun?.status === 'rejected') throw begun.reason;
      await judge(world, client);
    } catch (error) {
      failed.push({ node: client.node, error });
    }
  }
  const [first] = failed;
  if (first === undefined) return;
  const sound = clients.map(({ node }) => node).filter((node) => !failed.some((one) => one.node === node));
  const nodes = failed.map(({ node }) => node).join(', ');
  const where = `on node ${nodes}, ${sound.length === 0 ? 'which is every one' : `and not on ${sound.join(', ')}`}`;
  throw new ConformanceError(
    findingsOf(first.error).map((finding) => ({ ...finding, seen: `${where}: ${finding.seen}` })),
    first.error instanceof ConformanceError ? first.error.trip : undefined,
  );
}

async function mustBeReady(world: World, { node, pod }: Client): Promise<void> {
  const { kube, namespaces } = world;
  const watch = new SidecarWatch(kube);
  try {
    await podMustBeReady(kube, namespaces.mesh, pod, { hopeless: (pods) => watch.hopeless(pods) });
  } catch (error) {
    if (!(error instanceof EventuallyError)) throw error;
    const expected = `pod ${namespaces.mesh}/${pod} is ready on node ${node}`;
    const notReady: Finding = { cause: 'WORKLOAD_NOT_READY', seen: error.message, expected };
    // Its log is gone with the pod.
    const stored = await kube.core.readNamespacedPod({ name: pod, namespace: namespaces.mesh });
    const complaint = await sidecarComplaint(world, stored);
    throw new ConformanceError([...(complaint === undefined ? [] : [complaint]), notReady]);
  }
}

async function judge(world: World, { node, pod }: Client): Promise<void> {
  const namespace = world.namespaces.mesh;
  // A trip names the pod; this note says which node it is on.
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
