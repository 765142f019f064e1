import { beforeYouBegin } from './1-before-you-begin.ts';
import { deployAnHttpsProxy } from './2-deploy-an-https-proxy.ts';
import { configureTraffic } from './3-configure-traffic.ts';
import { understandingWhatHappened } from './4-understanding-what-happened.ts';
import { cleanup } from './5-cleanup.ts';
import { withNeeds, type Step } from './step.ts';

/** The document's steps, in its order. */
export const documentSteps: readonly Step[] = [
  ...beforeYouBegin,
  ...deployAnHttpsProxy,
  ...configureTraffic,
  ...understandingWhatHappened,
  ...cleanup,
];

/** The steps to run: the chosen ones and what they need, or all. */
export function chosenSteps(ids: readonly string[]): readonly Step[] {
  return ids.length === 0 ? documentSteps : withNeeds(documentSteps, ids);
}
