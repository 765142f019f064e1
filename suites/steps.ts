import { beforeTheEntry } from './controls/1-before-the-entry.ts';
import { withTheEntry } from './controls/2-with-the-entry.ts';
import { withoutTheEntry } from './controls/3-without-the-entry.ts';
import { onEveryNode } from './controls/4-on-every-node.ts';
import { manyAtOnce } from './controls/5-many-at-once.ts';
import { defaultEdition, editionOf, type EditionName } from '../fixtures/document/editions.ts';
import type { Edition } from '../helpers/document/edition.ts';
import { configurationSchema, type Configuration } from '../helpers/configuration/configuration.ts';
import { furtherAddresses, reachYourProxy } from './document/2-your-proxy.ts';
import { beforeYouBegin } from './document/1-before-you-begin.ts';
import { deployAnHttpsProxy } from './document/2-deploy-an-https-proxy.ts';
import { configureTraffic } from './document/3-configure-traffic.ts';
import { understandingWhatHappened } from './document/4-understanding-what-happened.ts';
import { cleanup } from './document/5-cleanup.ts';
import { withNeeds, type Step } from './document/step.ts';

/** Controls: what must not work, or must look different in the logs, in the order they run. */
export const controlSteps: readonly Step[] = [
  ...beforeTheEntry,
  ...withTheEntry,
  ...onEveryNode,
  ...manyAtOnce,
  ...withoutTheEntry,
];

/** The document's steps, in its order. */
export function documentStepsOf(edition: Edition): readonly Step[] {
  return [beforeYouBegin, deployAnHttpsProxy, configureTraffic, understandingWhatHappened, cleanup].flatMap(
    (section) => section(edition),
  );
}

/** The document's steps in the default edition. */
export const documentSteps = documentStepsOf(editionOf({ edition: defaultEdition }));

/** Every step there is, in order: the document's, those of a user's proxy, and the controls where they fit. */
export function everyStep(of: { readonly edition: EditionName }): readonly Step[] {
  return documentStepsOf(editionOf(of)).flatMap((step) => {
    if (step.id === 'PROXY-5') return [step, ...reachYourProxy];
    if (step.id === 'MESH-4') return [step, ...furtherAddresses];
    if (step.id === 'MESH-1') return [...beforeTheEntry, step];
    if (step.id === 'CLEAN-1')
      return [...withTheEntry, ...onEveryNode, ...manyAtOnce, ...withoutTheEntry, step];
    return [step];
  });
}

/** The steps of a run on a cluster and with a proxy of its own. */
export const allSteps: readonly Step[] = stepsFor(configurationSchema.parse({}));

/** The steps that a run of this configuration has. */
export function stepsFor(configuration: Configuration): readonly Step[] {
  return everyStep(configuration).filter(({ when }) => when?.(configuration) ?? true);
}

/** Those of the steps to run that a run of this configuration can judge. */
export function judgedSteps(configuration: Configuration): readonly Step[] {
  return chosenSteps(configuration).filter(({ unavailable }) => unavailable?.(configuration) === undefined);
}

/** Whether a run of this configuration has only some of the steps. */
export function isPartial({ steps, grep }: Pick<Configuration, 'steps' | 'grep'>): boolean {
  return steps.length > 0 || grep !== undefined;
}

/** Ids of the steps that a pattern finds, by id or title. */
export function matching(steps: readonly Step[], pattern: string): string[] {
  const expression = new RegExp(pattern, 'i');
  return steps.filter(({ id, title }) => expression.test(id) || expression.test(title)).map(({ id }) => id);
}

/** The steps to run: the chosen ones and what they need, or all. */
export function chosenSteps(configuration: Configuration): readonly Step[] {
  const all = stepsFor(configuration);
  if (!isPartial(configuration)) return all;
  const { steps, grep } = configuration;
  return withNeeds(all, [...steps, ...(grep === undefined ? [] : matching(all, grep))]);
}
