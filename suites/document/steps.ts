import { beforeYouBegin } from './1-before-you-begin.ts';
import { deployAnHttpsProxy } from './2-deploy-an-https-proxy.ts';
import { configureTraffic } from './3-configure-traffic.ts';
import { understandingWhatHappened } from './4-understanding-what-happened.ts';
import { cleanup } from './5-cleanup.ts';
import type { Step } from './step.ts';

/** The document's steps, in its order. */
export const documentSteps: readonly Step[] = [
  ...beforeYouBegin,
  ...deployAnHttpsProxy,
  ...configureTraffic,
  ...understandingWhatHappened,
  ...cleanup,
];
