import { configurationSchema } from '../../helpers/configuration/configuration.ts';
import { inject } from 'vitest';
import { planOf, type RunPlan } from '../../helpers/session/proxy.ts';
import { UsageError } from '../../helpers/errors.ts';
import type { SessionFacts } from '../../helpers/session/session.ts';
import type { Step } from '../document/step.ts';
import { everyStep } from '../steps.ts';
import { StepEvidence } from '../evidence.ts';
import { Passes } from '../passes.ts';
import { testPass } from '../step-test.ts';

/**
 * Makes each step a test of the file or `describe` that calls it, in order, on the session's cluster, judged as
 * `conformance run` judges it. A step whose need failed is skipped. Evidence of a failed step goes into the session's report
 * folder. Steps that the session's configuration excludes are left out. Before the first step, the cluster is reset to the
 * state in which the document begins.
 * @throws UsageError when there is no session, and when a step needs one that is not among them
 */
export function testSteps(steps: readonly Step[]): void {
  const session = providedSession();
  stepsMustBeWhole(steps, session);
  const passes = new Passes(session, [], new StepEvidence(session));
  const present = steps.filter(({ when }) => when?.(session) ?? true);
  // Another file of the same suite may have used the cluster.
  testPass(passes, present, 1, true);
}

/**
 * Checks that each step comes after the steps it needs; steps that the configuration excludes are not needed.
 * @throws UsageError
 */
export function stepsMustBeWhole(
  steps: readonly Step[],
  plan: RunPlan = planOf(configurationSchema.parse({})),
): void {
  const absent = new Set(
    everyStep(plan.configuration)
      .filter(({ when }) => when?.(plan) === false)
      .map(({ id }) => id),
  );
  const earlier = new Set<string>();
  for (const { id, needs } of steps) {
    const missing = needs.filter((need) => !earlier.has(need) && !absent.has(need));
    if (missing.length > 0) {
      throw new UsageError(
        `Step ${id} needs ${missing.join(', ')}, which is not among the steps before it`,
        'Give testSteps these steps too, in front of it; withNeeds finds all that a step needs.',
      );
    }
    if (earlier.has(id))
      throw new UsageError(`There are two steps ${id}`, 'Give each step an id of its own.');
    earlier.add(id);
  }
}

function providedSession(): SessionFacts {
  const session = inject('session') as SessionFacts | undefined;
  if (session !== undefined) return session;
  throw new UsageError(
    'There is no session for the steps',
    "In vitest.config.ts: test: { ...conformance() }, from 'istio-external-proxy-conformance/vitest'.",
  );
}
