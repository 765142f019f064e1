import { expect } from 'vitest';
import type { Edition } from '../../helpers/document/edition.ts';
import { apply } from '../../helpers/kube/apply.ts';
import { expectationsOf } from '../../helpers/trip/expectations.ts';
import { ConformanceError } from '../../helpers/trip/finding.ts';
import { baselineOf, isOthersMesh } from './baseline.ts';
import { entriesOf, serviceEntryFor, serviceEntryMustBeTheDocuments } from './service-entry.ts';
import { documentsSidecar, isHandedOn, sidecarMustTunnel } from './sidecar.ts';
import { theirEntriesOf } from './judged-entries.ts';
import { theirEntriesMustBeLikeTheDocuments } from './like-the-documents.ts';
import { clientMustSeeOwnEntry, noEntryFor, whyNotLed } from './missing-entry.ts';
import { lineMustBeInSquidLog } from './must.ts';
import { inSection, isDeployed, withoutItsLog, type Step } from './step.ts';
import { judgedOf, judgedText, replacedText, rivalsText, type Led } from './their-entry.ts';
import type { World } from './world.ts';

export const configureTraffic = ({ commands, claims }: Edition): readonly Step[] =>
  inSection('configure-traffic-to-external-https-proxy', {
    'MESH-1': {
      title: 'A TCP ServiceEntry for the proxy, and the sidecar listens for it',
      commands: [commands.applyServiceEntry],
      claims: claims.entryIsTcp,
      needs: ['BEFORE-3', 'CLIENT-1', 'PROXY-6', 'PROXY-7', 'REACH-1'],
      run: async (world) => {
        const led = await theirEntriesOf(world);
        if (led.length > 0) {
          noteEntries(world, led);
          await theirEntriesMustBeLikeTheDocuments(world, led);
          noteResolutions(world);
          await sidecarMustTunnel(world);
          return;
        }
        if (world.givenClient !== undefined) {
          // None is applied for it: all requests in its namespace would use it.
          if (!isDeployed(world.session))
            throw new ConformanceError([await whyNotLed(world, world.proxy().ip)]);
          if (!world.wasLed) await clientMustSeeOwnEntry(world);
        }
        await noteWhyNotTheirs(world);
        // The controls need it, and only now can it be asked.
        if (isOthersMesh(world)) await baselineOf(world);
        await applyServiceEntry(world);
        await serviceEntryMustBeTheDocuments(world);
        await sidecarMustTunnel(world);
      },
    },
    'MESH-2': {
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
        // A gateway between is not the proxy.
        const handed = isHandedOn(world) ? [documentsSidecar(world)] : [];
        expect(trip).toHaveTitle(world.session.destination.title, ...handed);
      },
    },
    'MESH-3': {
      title: "The sidecar's access log has the line of that very request",
      commands: [commands.sidecarLog],
      needs: ['MESH-2'],
      run: (world) => {
        const trip = world.evidence(world.meshTrip.get());
        expect(trip).toHaveCrossed(documentsSidecar(world));
        return Promise.resolve();
      },
    },
    'MESH-4': {
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
  });

/** Which entries of the mesh are judged, why these, and which were before an upgrade. */
function noteEntries(world: World, led: readonly Led[]): void {
  const judged = judgedOf(led);
  if (judged.length > 0) world.note('entry', judgedText(judged));
  const rivals = rivalsText(led);
  if (rivals !== undefined) world.note('entries', rivals);
  const replaced = replacedText(world.entriesBefore, led);
  if (replaced !== undefined) world.note('before the upgrade', replaced);
}

/** Of a proxy that the mesh may have an entry for, why that is not judged: a mistyped one would go unnoticed. */
async function noteWhyNotTheirs(world: World): Promise<void> {
  const { session, proxyIps } = world;
  const asked = session.existing !== undefined && session.configuration.entry === 'auto';
  if (!asked || isDeployed(session)) return;
  const why = await Promise.all(proxyIps.get().map((ip) => noEntryFor(world, ip)));
  world.note('entry', `the document's: ${why.map(({ seen }) => seen).join('; ')}`);
}

/** Where the sidecar itself chooses what it connects to. */
function noteResolutions(world: World): void {
  const found = entriesOf(world).flatMap(({ host, resolution }) =>
    resolution === 'NONE' ? [] : [`${resolution} of ${host}, and not NONE`],
  );
  if (found.length === 0) return;
  world.note(
    'resolution',
    `${found.join(', ')}: the request must reach an address of the proxy all the same`,
  );
}

/** The document's `kubectl apply` of the ServiceEntry, with the live address of the proxy. */
export async function applyServiceEntry(world: World): Promise<void> {
  await apply(world.kube, await serviceEntryFor(world), world.namespaces.mesh);
}
