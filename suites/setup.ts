import type { TestProject } from 'vitest/node';
import { configurationSchema } from '../helpers/configuration/configuration.ts';
import { terminalProgress } from '../helpers/progress/terminal.ts';
import type {} from '../helpers/results/vitest-context.ts';
import { Report } from '../helpers/report/report.ts';
import { onSignals } from '../helpers/session/interrupt.ts';
import { planOf } from '../helpers/session/proxy.ts';
import { newRunId } from '../helpers/session/session.ts';
import { openSession } from '../helpers/session/open-session.ts';
import { installFor } from './begin-install.ts';

/**
 * Opens a session for a plain `vitest run`, with the configuration from `conformance()` in the vitest configuration, or
 * the default one. The CLI opens and closes its own.
 */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const provided: Partial<ReturnType<TestProject['getProvidedContext']>> = project.getProvidedContext();
  if (provided.channel !== undefined) return undefined;
  const configuration = provided.conformance ?? configurationSchema.parse({});
  const report = new Report(configuration.reportDir, newRunId(), configuration);
  // vitest's and Vite's handlers end the process at once and leave the cluster behind.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.removeAllListeners(signal);
  const plan = planOf(configuration);
  const opening = openSession(plan, report, terminalProgress(), { install: installFor(plan) });
  const signals = onSignals({ report, keep: configuration.keep, opening: () => opening });
  const session = await opening;
  project.provide('conformance', configuration);
  project.provide('session', session.facts);
  return async () => {
    await session[Symbol.asyncDispose]();
    await signals.end();
  };
}
