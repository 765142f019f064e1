import { editionOf } from '../fixtures/document/editions.ts';
import { overlayOf, type Given } from '../helpers/given/given.ts';
import { beginInstall } from '../helpers/istio/install.ts';
import type { RunPlan } from '../helpers/session/proxy.ts';
import type { SessionOptions } from '../helpers/session/session.ts';
import { Fixtures } from './document/fixtures.ts';
import { judgedSteps } from './steps.ts';

/** Lets Istio's installation begin with the set-up, in a run that has the step for it. */
export function installFor(plan: RunPlan, given?: Given): SessionOptions['install'] {
  if (!judgedSteps(plan).some(({ id }) => id === 'BEFORE-1')) return undefined;
  return async (cluster, images) => {
    const base = await new Fixtures(editionOf(plan.configuration)).text('istio.yaml');
    return beginInstall(cluster, images, base, overlayOf(given, base, 'from'));
  };
}
