import { beforeTheEntry } from './controls/1-before-the-entry.ts';
import { withTheEntry } from './controls/2-with-the-entry.ts';
import { withoutTheEntry } from './controls/3-without-the-entry.ts';
import { documentSteps } from './document/steps.ts';
import { withNeeds, type Step } from './document/step.ts';

/** What must not work, must be told apart, or proves nothing: in the order they run in. */
export const controlSteps: readonly Step[] = [...beforeTheEntry, ...withTheEntry, ...withoutTheEntry];

/** The document's steps in its order, and the controls between them where the mesh is as they need it. */
export const allSteps: readonly Step[] = documentSteps.flatMap((step) => {
  if (step.id === 'MESH-1') return [...beforeTheEntry, step];
  if (step.id === 'CLEAN-1') return [...withTheEntry, ...withoutTheEntry, step];
  return [step];
});

/** The steps to run: the chosen ones and what they need, or all. */
export function chosenSteps(ids: readonly string[]): readonly Step[] {
  return ids.length === 0 ? allSteps : withNeeds(allSteps, ids);
}
