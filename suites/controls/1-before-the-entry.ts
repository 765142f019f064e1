import { baselineOf, isOthersMesh } from '../document/baseline.ts';
import { wouldHideEntry } from '../document/given-client.ts';
import { theirEntriesOf } from '../document/judged-entries.ts';
import { inSection } from '../document/step.ts';
import { judgedOf } from '../document/their-entry.ts';
import { withoutEntryOnce } from './absence.ts';
import { tripMustGoByBaseline } from './mesh.ts';

/** What the mesh does before the document's ServiceEntry is there. */
export const beforeTheEntry = inSection('controls', {
  'CONTROL-1': {
    title: 'Without the ServiceEntry the request goes where this mesh sends it: a title proves nothing',
    needs: ['BEFORE-3', 'CLIENT-1', 'PROXY-8', 'REACH-3'],
    unavailable: wouldHideEntry,
    run: async (world) => {
      const theirs = judgedOf(await theirEntriesOf(world));
      if (theirs.length > 0) {
        const names = theirs.map(({ claimant: { name } }) => name).join(', ');
        world.note('entry', `${names} of the mesh hidden from the client`);
        await withoutEntryOnce(world, () => tripMustGoByBaseline(world));
        world.note('without the entry', (await baselineOf(world)).sentence);
        return;
      }
      const asked = baselineOf(world);
      if (isOthersMesh(world)) await asked;
      // What the request itself shows, says more than what Envoy would do with it.
      const [trip, way] = await Promise.allSettled([tripMustGoByBaseline(world), asked]);
      if (way.status === 'fulfilled') world.note('without the entry', way.value.sentence);
      for (const one of [trip, way]) if (one.status === 'rejected') throw one.reason;
    },
  },
});
