import { beforeTheEntry } from './controls/1-before-the-entry.ts';
import { withTheEntry } from './controls/2-with-the-entry.ts';
import { withoutTheEntry } from './controls/3-without-the-entry.ts';
import { manyAtOnce } from './controls/4-many-at-once.ts';
import { configurationSchema, type Configuration } from '../helpers/configuration/configuration.ts';
import { documentSteps } from './document/steps.ts';
import { withNeeds, type Step } from './document/step.ts';

/** What must not work, must be told apart, or proves nothing: in the order they run in. */
export const controlSteps: readonly Step[] = [
  ...beforeTheEntry,
  ...withTheEntry,
  ...manyAtOnce,
  ...withoutTheEntry,
];

/** Every step there is, in order: the document's, and the controls where they fit. */
export const everyStep: readonly Step[] = documentSteps.flatMap((step) => {
  if (step.id === 'MESH-1') return [...beforeTheEntry, step];
  if (step.id === 'CLEAN-1') return [...withTheEntry, ...manyAtOnce, ...withoutTheEntry, step];
  return [step];
});

/** The steps of a run on a cluster and with a proxy of its own. */
export const allSteps: readonly Step[] = stepsFor(configurationSchema.parse({}));

/** The steps that a run of this configuration has. */
export function stepsFor(configuration: Configuration): readonly Step[] {
  return everyStep.filter(({ when }) => when?.(configuration) ?? true);
}

/** The steps to run: the chosen ones and what they need, or all. */
export function chosenSteps(configuration: Configuration): readonly Step[] {
  const all = stepsFor(configuration);
  return configuration.steps.length === 0 ? all : withNeeds(all, configuration.steps);
}
