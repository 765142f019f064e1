import { expect } from 'vitest';
import type { Step } from '../document/step.ts';
import { documentsWay, meshTrip } from './mesh.ts';

/** What the mesh does before the document's ServiceEntry is there. */
export const beforeTheEntry: readonly Step[] = [
  {
    id: 'CONTROL-1',
    section: 'controls',
    title:
      'Without the ServiceEntry the page arrives all the same, by PassthroughCluster: a title proves nothing',
    commands: [],
    needs: ['BEFORE-3', 'PROXY-8', 'REACH-3'],
    run: async (world) => {
      const trip = await meshTrip(world);
      world.note('title', trip.client.title ?? '');
      expect(trip).toHaveTitle(world.session.destination.title);
      expect(trip).toHaveCrossed(...documentsWay(world, 'PassthroughCluster'));
    },
  },
];
