import { quickDoctor } from '../doctor/run-checks.ts';
import type { Progress } from '../progress/progress.ts';
import type { Report } from '../report/report.ts';
import { existingClusterOf, openExistingSession } from './existing-session.ts';
import { openOwnSession } from './own-session.ts';
import type { RunPlan } from './proxy.ts';
import type { Session, SessionOptions } from './session.ts';

/**
 * Everything a pass over the document needs: images, and a ready cluster with its destination. It makes nothing of the
 * document itself, except Istio when `options.install` is given.
 * @throws UsageError, EnvironmentError; nothing is left behind then
 */
export async function openSession(
  plan: RunPlan,
  report: Report,
  progress: Progress,
  options: SessionOptions = {},
): Promise<Session> {
  const existing = existingClusterOf(plan.configuration);
  await quickDoctor(plan.configuration, progress, { ownCluster: existing === undefined });
  return existing === undefined
    ? openOwnSession(plan, report, progress, options)
    : openExistingSession(existing, plan, report, progress, options);
}
