import { configurationSchema, type Configuration } from '../../helpers/configuration/configuration.ts';
import { inject } from 'vitest';
import { UsageError } from '../../helpers/errors.ts';
import type { SessionFacts } from '../../helpers/session/session.ts';
import type { Step } from '../document/step.ts';
import { everyStep } from '../steps.ts';
import { StepEvidence } from '../evidence.ts';
import { Passes } from '../passes.ts';
import { testPass } from '../step-test.ts';

/**
 * Makes the steps tests of the file (or `describe`) that calls it: one each, in their order, on the session's cluster,
 * judged as `conformance run` judges them. A step whose need failed is skipped, and of one that fails evidence is
 * collected into the session's report folder. Steps that a run of the session's configuration does not have are left out.
 * Before the first, the cluster is brought back to where the document begins.
 * @throws UsageError when there is no session, and when a step needs one that is not among them
 */
export function testSteps(steps: readonly Step[]): void {
  const session = providedSession();
  stepsMustBeWhole(steps, session.configuration);
  const passes = new Passes(session, [], new StepEvidence(session));
  const present = steps.filter(({ when }) => when?.(session.configuration) ?? true);
  // Another file of the same suite may have used the cluster.
  testPass(passes, present, 1, true);
}

/**
 * A need that nobody meets would be no need at all; what a run of this configuration does not have, it does not need.
 * @throws UsageError
 */
export function stepsMustBeWhole(
  steps: readonly Step[],
  configuration: Configuration = configurationSchema.parse({}),
): void {
  const absent = new Set(
    everyStep(configuration)
      .filter(({ when }) => when?.(configuration) === false)
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
