import { expect } from 'vitest';
import { kubeObject } from '../../helpers/kube/manifests.ts';
import { apply, remove } from '../../helpers/kube/apply.ts';
import { deploymentMustBeReady } from '../../helpers/kube/workloads.ts';
import type { Request } from '../../helpers/trip/fetch.ts';
import { expectationsOf, noSidecar, proxy, type Expectation } from '../../helpers/trip/expectations.ts';
import type { Trip } from '../../helpers/trip/statements.ts';
import { fail } from '../document/must.ts';
import { documentsSidecar } from '../document/sidecar.ts';
import { inSection, isDeployed } from '../document/step.ts';
import type { World } from '../document/world.ts';
import { withObjects } from './absence.ts';
import { meshTrip } from './mesh.ts';

/** What must be refused, or told apart, while all is as the document leaves it. */
export const withTheEntry = inSection('controls', {
  'CONTROL-2': {
    when: isDeployed,
    title:
      'CONNECT to a port other than 443 is denied by the proxy, though the mesh carries it as documented',
    needs: ['MESH-2'],
    run: async (world) => {
      const url = new URL(world.session.destination.url);
      url.port = '8443';
      const trip = await meshTrip(world, url.href);
      world.note('proxy', trip.client.proxyError ?? `CONNECT ${trip.client.connectStatus}`);
      expect(trip).toHaveCrossed(documentsSidecar(world), proxy({ result: 'TCP_DENIED/403' }));
    },
  },
  'CONTROL-3': {
    when: isDeployed,
    title: "Squid's manager is denied to anyone from outside its pod",
    needs: ['PROXY-8'],
    run: async (world) => {
      const { ip, port } = world.proxy();
      // Squid takes a request for its manager by its own name, which is the pod's, and logs it so.
      const { pod: name } = world.squid();
      const trip = await world.witnesses.fetch(world.outsideClient(), {
        via: undefined,
        url: `http://${name}:${port}/squid-internal-mgr/info`,
        round: { resolve: ip },
      });
      world.evidence(trip);
      expect(trip).toHaveCrossed(noSidecar(), proxy({ result: 'TCP_DENIED/403' }));
    },
  },
  'CONTROL-4': {
    title: 'A client that goes round the proxy gets the page, and is told apart',
    needs: ['PROXY-8', 'REACH-3'],
    run: async (world) => {
      const { origin, title } = world.session.destination;
      const trip = await world.witnesses.fetch(world.outsideClient(), {
        via: world.proxy(),
        round: origin === undefined ? {} : { resolve: origin.ip },
      });
      world.evidence(trip);
      if (origin === undefined && trip.client.title === undefined) {
        world.note('round the proxy', `nothing comes (curl ${trip.client.exitCode})`);
        return;
      }
      if (trip.client.title !== title) {
        fail(
          'CONTROL_DIFFERS',
          `the title ${trip.client.title ?? '(none)'}`,
          `"${title}", without the proxy`,
        );
      }
      world.note('title', title);
      expect(trip).toBeDiagnosedAs('WENT_ROUND_PROXY', ...baseline(world));
    },
  },
  'CONTROL-5': {
    when: isDeployed,
    title: 'Of requests at once from several pods, each gets its own statements',
    needs: ['MESH-2'],
    ahead: {
      with: 'MESH-1',
      work: async (world) => {
        await apply(world.kube, [neighbours(world)]);
      },
      undo: (world) => remove(world.kube, [neighbours(world)]),
    },
    run: async (world) => {
      await withObjects(world, [neighbours(world)], async () => {
        const pods = await deploymentMustBeReady(world.kube, world.namespaces.external, neighboursName);
        const outside = pods.map(({ metadata }) => ({
          ...world.outsideClient(),
          pod: metadata?.name ?? '',
        }));
        const requests = [
          ...[world.outsideClient(), ...outside].map((client) => ({ client, via: world.proxy() })),
          ...meshRequests(world),
        ];
        const trips = await world.witnesses.fetchAll(requests);
        for (const [index, trip] of trips.entries()) {
          world.evidence(trip);
          const request = requests[index];
          const status = request !== undefined && 'range' in request ? 206 : 200;
          const inMesh = trip.sidecar !== undefined;
          const way: [Expectation, ...Expectation[]] = inMesh
            ? [documentsSidecar(world), proxy({ result: 'TCP_TUNNEL/200' })]
            : [noSidecar(), proxy({ result: 'TCP_TUNNEL/200' })];
          expect(trip).toHaveCrossed(...way, ...world.witnesses.originExpectations(status));
        }
        noLineMustBeSharedBy(trips);
        world.note(
          'trips at once',
          `${trips.length} from ${new Set(trips.map(({ client }) => client.pod)).size} pods`,
        );
      });
    },
  },
});

const neighboursName = 'conformance-neighbours';

/** More clients outside the mesh; their lines in Squid's log differ from the others' by the address alone. */
function neighbours({ edition, session, namespaces }: World): object {
  const image = session.images.images.curl.reference;
  const labels = { app: neighboursName };
  const command = ['/bin/sleep', 'infinity'];
  const containers = [{ name: edition.client, image, command, imagePullPolicy: 'IfNotPresent' }];
  const template = { metadata: { labels }, spec: { terminationGracePeriodSeconds: 0, containers } };
  const spec = { replicas: 2, selector: { matchLabels: labels }, template };
  return kubeObject('Deployment', { name: neighboursName, namespace: namespaces.external }, { spec });
}

/**
 * Several requests of one pod at once: Squid's log knows them by their bytes alone, so each asks for another part of
 * the page. The real destination gives no parts, so it is asked once.
 */
function meshRequests(world: World): Request[] {
  const whole = { client: world.meshClient(), via: world.proxy(), sidecar: true };
  if (world.session.destination.origin === undefined) return [whole];
  return [100, 180, 260].map((bytes) => ({ ...whole, range: bytes }));
}

function baseline(world: World): Expectation[] {
  return [noSidecar(), ...expectationsOf(world.session.proxy), ...world.witnesses.originExpectations()];
}

/** Correlation gives no line to two trips; if it did, each of them would look sound. */
function noLineMustBeSharedBy(trips: readonly Trip[]): void {
  for (const witness of ['sidecar', 'proxy', 'origin'] as const) {
    const lines = trips.flatMap((trip) => (trip[witness] ?? []).map(({ line }) => line));
    const shared = lines.find((line, index) => lines.indexOf(line) !== index);
    if (shared !== undefined)
      fail('AMBIGUOUS', `two trips with the line ${shared}`, 'a line of its own for each');
  }
}
