import { join } from 'node:path';
import type { Configuration } from '../helpers/configuration/configuration.ts';
import type { Settings } from '../helpers/configuration/settings.ts';
import { events } from '../helpers/events/stream.ts';
import type { Report } from '../helpers/report/report.ts';
import type { Results } from '../helpers/results/results.ts';
import { chosenSteps } from '../suites/steps.ts';

/** The event that a run begins with. */
export function tellStart(
  command: 'run' | 'gate',
  { runId, folder }: Report,
  { values, origins }: Settings<Configuration>,
): void {
  events.run = runId;
  events.emit({
    type: 'run-started',
    command,
    report: folder,
    configuration: values,
    origins: { ...origins },
    ...(command === 'gate' ? {} : { steps: chosenSteps(values).map(({ id }) => id) }),
  });
}

/** The event that a run ends with, whatever way it ends. */
export function tellEnd(results: Results, { folder }: Pick<Report, 'folder'>): void {
  const { verdict, exitCode, cause, reason, steps, durationMs, evidence } = results;
  const count = (status: string): number => steps.filter((step) => step.status === status).length;
  if (evidence !== undefined) events.emit({ type: 'evidence', folder: join(folder, evidence) });
  events.emit({
    type: 'verdict',
    verdict,
    exitCode,
    ...(cause === undefined ? {} : { cause }),
    reason,
    passed: count('passed'),
    failed: count('failed'),
    skipped: count('skipped'),
    durationMs,
    report: folder,
    results: join(folder, 'results.json'),
  });
}
