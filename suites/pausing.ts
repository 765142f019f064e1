import { messageOf } from '../helpers/errors.ts';
import { pause } from '../helpers/pause/pause.ts';
import type { SessionFacts } from '../helpers/session/session.ts';
import type { StepEvidence } from './evidence.ts';

/** Evidence of steps that fail, after which the run waits for somebody where it was asked to. */
export function pausing(
  { runId, configuration }: Pick<SessionFacts, 'runId' | 'configuration'>,
  evidence: Pick<StepEvidence, 'of'>,
): Pick<StepEvidence, 'of'> {
  if (!configuration.pauseOnFailure) return evidence;
  return {
    of: async (failure) => {
      const bundle = await evidence.of(failure);
      const { step, outcome } = failure;
      await pause(runId, {
        step: step.id,
        cause: outcome.findings[0]?.cause,
        message: messageOf(outcome.error),
        evidence: bundle,
      });
      return bundle;
    },
  };
}
