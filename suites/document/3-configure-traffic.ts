import { expect } from 'vitest';
import type { Edition } from '../../helpers/document/edition.ts';
import { apply } from '../../helpers/kube/apply.ts';
import { expectationsOf } from '../../helpers/trip/expectations.ts';
import { baselineOf, isOthersMesh } from './baseline.ts';
import { serviceEntryFor, serviceEntryMustBeTheDocuments } from './service-entry.ts';
import { documentsSidecar, sidecarMustTunnel } from './sidecar.ts';
import { clientMustHaveEntry, clientMustSeeOwnEntry } from './given-client.ts';
import { lineMustBeInSquidLog } from './must.ts';
import { inSection, isDeployed, withoutItsLog, type Step } from './step.ts';
import { theirEntriesOf, theirEntryMustBeLikeTheDocuments, toldRivals } from './their-entry.ts';
import type { World } from './world.ts';

export const configureTraffic = ({ commands, claims }: Edition): readonly Step[] =>
  inSection('configure-traffic-to-external-https-proxy', [
    {
      id: 'MESH-1',
      title: 'A TCP ServiceEntry for the proxy, and the sidecar listens for it',
      commands: [commands.applyServiceEntry],
      claims: claims.entryIsTcp,
      needs: ['BEFORE-3', 'CLIENT-1', 'PROXY-6', 'PROXY-7', 'REACH-1'],
      run: async (world) => {
        const [theirs, ...rivals] = await theirEntriesOf(world);
        if (theirs !== undefined) {
          world.note('entry', `${theirs.name}, which the mesh has: judged as it is`);
          const told = toldRivals([theirs, ...rivals]);
          if (told !== undefined) world.note('entries', told);
          theirEntryMustBeLikeTheDocuments(world, theirs);
          const { resolution } = theirs.entry.spec ?? {};
          if (resolution !== undefined && resolution !== 'NONE') {
            world.note(
              'resolution',
              `${resolution}, and not NONE: the request must reach the proxy's address all the same`,
            );
          }
          await sidecarMustTunnel(world);
          return;
        }
        if (world.givenClient !== undefined) {
          if (!isDeployed(world.session)) await clientMustHaveEntry(world);
          await clientMustSeeOwnEntry(world);
        }
        // The controls need it, and only now can it be asked.
        if (isOthersMesh(world)) await baselineOf(world);
        await applyServiceEntry(world);
        await serviceEntryMustBeTheDocuments(world);
        await sidecarMustTunnel(world);
      },
    },
    {
      id: 'MESH-2',
      title: 'From the pod with a sidecar, the page arrives through the proxy',
      commands: [commands.requestFromMesh],
      needs: ['MESH-1'],
      run: async (world) => {
        const client = world.meshClient();
        world.witnesses.follow('sidecar', { ...client, container: 'istio-proxy' });
        const trip = await world.witnesses.fetch(client, { via: world.proxy(), sidecar: true });
        world.evidence(trip);
        world.meshTrip.set(trip);
        world.note('title', trip.client.title ?? '');
        expect(trip).toHaveTitle(world.session.destination.title);
      },
    },
    {
      id: 'MESH-3',
      title: "The sidecar's access log has the line of that very request",
      commands: [commands.sidecarLog],
      needs: ['MESH-2'],
      run: (world) => {
        const trip = world.evidence(world.meshTrip.get());
        expect(trip).toHaveCrossed(documentsSidecar(world));
        return Promise.resolve();
      },
    },
    {
      id: 'MESH-4',
      title: "Squid's access log has the line of that very request",
      commands: [commands.proxyLog],
      needs: ['MESH-2', 'REACH-2'],
      unavailable: withoutItsLog,
      run: async (world) => {
        const trip = world.evidence(world.meshTrip.get());
        expect(trip).toHaveCrossed(
          documentsSidecar(world),
          ...expectationsOf(world.session.proxy),
          ...world.witnesses.originExpectations(),
        );
        await lineMustBeInSquidLog(world, trip);
      },
    },
  ]);

/** The document's `kubectl apply` of the ServiceEntry, with the live address of the proxy. */
export async function applyServiceEntry(world: World): Promise<void> {
  await apply(world.kube, await serviceEntryFor(world), world.namespaces.mesh);
}
