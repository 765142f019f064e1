import type { KubernetesObject } from '@kubernetes/client-node';
import { expect } from 'vitest';
import { kubeObject } from '../../helpers/kube/manifests.ts';
import { entryMustBeForgotten, isOthersMesh } from '../document/baseline.ts';
import { wouldChangeClient, wouldHideEntry } from '../document/given-client.ts';
import { ownHost, serviceEntryFor } from '../document/service-entry.ts';
import { documentsSidecar } from '../document/sidecar.ts';
import { inSection } from '../document/step.ts';
import type { World } from '../document/world.ts';
import { withEntryAgain, withObjects, withoutEntry, withRoomForHttp, withScope } from './absence.ts';
import { documentsWay, httpMustListen, meshTrip, takerMustBe, tripMustGoByBaseline } from './mesh.ts';

/** What the document's ServiceEntry is for: the same request without it, or with a wrong one. */
export const withoutTheEntry = inSection('controls', {
  'CONTROL-6': {
    unavailable: wouldHideEntry,
    title: 'Once the ServiceEntry is gone, the sidecar forgets it: the request goes where it went before',
    needs: ['MESH-2'],
    run: async (world) => {
      await withoutEntry(world, () => tripMustGoByBaseline(world));
    },
  },
  'CONTROL-7': {
    unavailable: wouldChangeClient,
    title: 'With REGISTRY_ONLY the request is blocked without the entry, and passes with it',
    needs: ['MESH-2'],
    run: async (world) => {
      await withoutEntry(world, async () => {
        // Nothing else is imported, so that nothing else of the mesh has the port.
        const closed = { hosts: [], registryOnly: true };
        await withScope(world, closed, async () => {
          await takerMustBe(world, 'BlackHoleCluster');
          expect(await meshTrip(world)).toBeDiagnosedAs('BLACKHOLE', documentsSidecar(world));
          await withEntryAgain(world, () => tripMustBeTheDocuments(world), closed);
        });
        await entryMustBeForgotten(world);
        if (!isOthersMesh(world)) await takerMustBe(world, 'PassthroughCluster');
      });
    },
  },
  'CONTROL-8': {
    unavailable: wouldChangeClient,
    title: 'With protocol HTTP in the entry the sidecar has no route for the CONNECT: 404',
    needs: ['MESH-2'],
    run: async (world) => {
      await withoutEntry(world, async () => {
        const entry = await serviceEntryFor(world);
        const asHttpOnes = entry.map((object) => asHttp(object, world.namespaces.mesh));
        await withRoomForHttp(world, () =>
          withObjects(world, asHttpOnes, async () => {
            await httpMustListen(world, ownHost(world));
            expect(await meshTrip(world)).toBeDiagnosedAs('ROUTE_NOT_FOUND', documentsSidecar(world));
          }),
        );
        await entryMustBeForgotten(world);
      });
    },
  },
  'CONTROL-9': {
    unavailable: wouldChangeClient,
    // An entry without addresses takes the whole port, and so does the Service: Istio can have one of them alone.
    when: ({ proxy }) => proxy.kind === 'deployed' || proxy.name === undefined,
    title:
      'An unrelated HTTP Service on 3128 breaks the request without the entry, which heals it (istio/istio#35526)',
    needs: ['MESH-2'],
    run: async (world) => {
      await withoutEntry(world, async () => {
        await withRoomForHttp(world, () =>
          withObjects(world, [unrelatedServiceOf(world)], async () => {
            await httpMustListen(world, unrelatedName(world));
            expect(await meshTrip(world)).toBeDiagnosedAs('ROUTE_NOT_FOUND', documentsSidecar(world));
            await withEntryAgain(world, () => tripMustBeTheDocuments(world));
          }),
        );
        await entryMustBeForgotten(world);
      });
    },
  },
});

async function tripMustBeTheDocuments(world: World): Promise<void> {
  expect(await meshTrip(world)).toHaveCrossed(...documentsWay(world));
}

/**
 * A Service that has nothing to do with the proxy but the number of its port. In an existing mesh it is in the client's
 * namespace: a Sidecar resource of the mesh may hide the others.
 */
function unrelatedServiceOf(world: World): KubernetesObject {
  const { mesh, external } = world.namespaces;
  const port = world.proxyPort.get();
  const spec = { ports: [{ name: 'http', port }] };
  const metadata = { name: unrelatedName(world), namespace: isOthersMesh(world) ? mesh : external };
  return kubeObject('Service', metadata, { spec });
}

function unrelatedName({ proxyPort }: World): string {
  return `conformance-http-on-${proxyPort.get()}`;
}

function asHttp(entry: KubernetesObject, namespace: string): KubernetesObject {
  const { spec } = entry as { spec?: { ports?: readonly object[] } };
  const ports = spec?.ports?.map((port) => ({ ...port, protocol: 'HTTP' }));
  return {
    ...entry,
    metadata: { ...entry.metadata, namespace },
    spec: { ...spec, ports },
  } as KubernetesObject;
}
