import type { KubernetesObject } from '@kubernetes/client-node';
import { expect } from 'vitest';
import { remove } from '../../helpers/kube/apply.ts';
import { applyServiceEntry } from '../document/3-configure-traffic.ts';
import { registryOnlySidecarIn } from '../document/prepare.ts';
import { serviceEntryFor, serviceEntryIn } from '../document/service-entry.ts';
import { documentsSidecar, sidecarMustTunnel } from '../document/sidecar.ts';
import type { Step } from '../document/step.ts';
import type { World } from '../document/world.ts';
import {
  documentsWay,
  httpMustListen,
  meshTrip,
  nothingMustListen,
  unknownMustGoTo,
  withObjects,
  withoutEntry,
} from './mesh.ts';

/** What the document's ServiceEntry is for: the same request without it, or with a wrong one. */
export const withoutTheEntry: readonly Step[] = [
  {
    id: 'CONTROL-6',
    section: 'controls',
    title: 'Once the ServiceEntry is deleted, the sidecar forgets it: PassthroughCluster again',
    commands: [],
    needs: ['MESH-2'],
    run: async (world) => {
      await withoutEntry(world, async () => {
        expect(await meshTrip(world)).toHaveCrossed(...documentsWay(world, 'PassthroughCluster'));
      });
    },
  },
  {
    id: 'CONTROL-7',
    section: 'controls',
    title: 'With REGISTRY_ONLY the request is blocked without the entry, and passes with it',
    commands: [],
    needs: ['MESH-2'],
    run: async (world) => {
      await withoutEntry(world, async () => {
        await withObjects(world, [registryOnlyIn(world)], async () => {
          await unknownMustGoTo(world, 'BlackHoleCluster');
          expect(await meshTrip(world)).toBeDiagnosedAs('BLACKHOLE', documentsSidecar(world));
          await applyServiceEntry(world);
          await sidecarMustTunnel(world);
          expect(await meshTrip(world)).toHaveCrossed(...documentsWay(world));
        });
        await unknownMustGoTo(world, 'PassthroughCluster');
      });
    },
  },
  {
    id: 'CONTROL-8',
    section: 'controls',
    title: 'With protocol HTTP in the entry the sidecar has no route for the CONNECT: 404',
    commands: [],
    needs: ['MESH-2'],
    run: async (world) => {
      await withoutEntry(world, async () => {
        const entry = await serviceEntryFor(world);
        await withObjects(
          world,
          entry.map((object) => asHttp(object, world.namespaces.mesh)),
          async () => {
            await httpMustListen(world);
            expect(await meshTrip(world)).toBeDiagnosedAs('ROUTE_NOT_FOUND', documentsSidecar(world));
          },
        );
        await nothingMustListen(world);
      });
    },
  },
  {
    id: 'CONTROL-9',
    section: 'controls',
    // An entry without addresses takes the whole port, and so does the Service: Istio can have one of them alone.
    when: ({ proxy }) => proxy.kind === 'deployed' || proxy.name === undefined,
    title:
      'An unrelated HTTP Service on 3128 breaks the request without the entry, which heals it (istio/istio#35526)',
    commands: [],
    needs: ['MESH-2'],
    run: async (world) => {
      await withoutEntry(world, async () => {
        await withObjects(world, [unrelatedServiceOf(world)], async () => {
          await httpMustListen(world);
          expect(await meshTrip(world)).toBeDiagnosedAs('ROUTE_NOT_FOUND', documentsSidecar(world));
          await applyServiceEntry(world);
          await sidecarMustTunnel(world);
          expect(await meshTrip(world)).toHaveCrossed(...documentsWay(world));
          await remove(world.kube, [serviceEntryIn(world)]);
        });
        await nothingMustListen(world);
      });
    },
  },
];

/** As meshConfig's REGISTRY_ONLY, for the client alone: that of the mesh takes a minute to reach istiod. */
function registryOnlyIn({ edition, namespaces: { mesh } }: World): KubernetesObject {
  const spec = {
    workloadSelector: { labels: { app: edition.client } },
    egress: [{ hosts: ['./*', 'istio-system/*'] }],
    outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' },
  };
  return Object.assign(registryOnlySidecarIn(mesh), { spec });
}

/** A Service that has nothing to do with the proxy but the number of its port. */
function unrelatedServiceOf({ proxyPort, namespaces: { external } }: World): KubernetesObject {
  const port = proxyPort.get();
  const spec = { ports: [{ name: 'http', port }] };
  const metadata = { name: `conformance-http-on-${port}`, namespace: external };
  return Object.assign({ apiVersion: 'v1', kind: 'Service', metadata }, { spec });
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
