import { beforeTheEntry } from './controls/1-before-the-entry.ts';
import { withTheEntry } from './controls/2-with-the-entry.ts';
import { withoutTheEntry } from './controls/3-without-the-entry.ts';
import { onEveryNode } from './controls/4-on-every-node.ts';
import { manyAtOnce } from './controls/5-many-at-once.ts';
import { defaultEdition, editionOf, type EditionName } from '../fixtures/document/editions.ts';
import type { Edition } from '../helpers/document/edition.ts';
import { configurationSchema, type Configuration } from '../helpers/configuration/configuration.ts';
import { planOf, type RunPlan } from '../helpers/session/proxy.ts';
import { furtherAddresses, reachGivenProxy } from './document/2-given-proxy.ts';
import { beforeYouBegin } from './document/1-before-you-begin.ts';
import { deployAnHttpsProxy } from './document/2-deploy-an-https-proxy.ts';
import { configureTraffic } from './document/3-configure-traffic.ts';
import { understandingWhatHappened } from './document/4-understanding-what-happened.ts';
import { findGivenClient } from './document/given-client.ts';
import { cleanup } from './document/5-cleanup.ts';
import { applyManifests } from './document/apply-manifests.ts';
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

export const documentSteps = documentStepsOf(editionOf({ edition: defaultEdition }));

/** Every step, in order: the document's, those of a given proxy, and the controls where they fit. */
export function everyStep(of: { readonly edition: EditionName }): readonly Step[] {
  return documentStepsOf(editionOf(of)).flatMap((step) => {
    if (step.id === 'BEFORE-1') return [step, ...applyManifests];
    if (step.id === 'BEFORE-3') return [step, ...findGivenClient];
    if (step.id === 'PROXY-5') return [step, ...reachGivenProxy];
    if (step.id === 'MESH-4') return [step, ...furtherAddresses];
    if (step.id === 'MESH-1') return [...beforeTheEntry, step];
    if (step.id === 'CLEAN-1')
      return [...withTheEntry, ...onEveryNode, ...manyAtOnce, ...withoutTheEntry, step];
    return [step];
  });
}

/** The steps of a run with the default settings. */
export const allSteps: readonly Step[] = stepsFor(planOf(configurationSchema.parse({})));

export function stepsFor(plan: RunPlan): readonly Step[] {
  const steps = everyStep(plan.configuration).filter(({ when }) => when?.(plan) ?? true);
  const ids = new Set(steps.map(({ id }) => id));
  // What manifests say of sidecars is to be there before the first pod has one.
  return steps.map((step) =>
    step.id === 'BEFORE-2' && ids.has('APPLY-1') ? { ...step, needs: [...step.needs, 'APPLY-1'] } : step,
  );
}

/** Those of the steps to run that a run of this plan can judge. */
export function judgedSteps(plan: RunPlan): readonly Step[] {
  return chosenSteps(plan).filter(({ unavailable }) => unavailable?.(plan) === undefined);
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
export function chosenSteps(plan: RunPlan): readonly Step[] {
  const all = stepsFor(plan);
  if (!isPartial(plan.configuration)) return all;
  const { steps, grep } = plan.configuration;
  return withNeeds(all, [...steps, ...(grep === undefined ? [] : matching(all, grep))]);
}
