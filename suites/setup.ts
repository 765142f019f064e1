import type { TestProject } from 'vitest/node';
import { configurationSchema } from '../helpers/configuration/configuration.ts';
import { terminalProgress } from '../helpers/progress/terminal.ts';
import type {} from '../helpers/report/meta.ts';
import { Report } from '../helpers/report/report.ts';
import { newRunId, openSession } from '../helpers/session/session.ts';

/**
 * Gives a plain `vitest run --project document` a session with the default configuration. Under the CLI there is
 * one already, and the CLI closes it.
 */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const provided: Partial<ReturnType<TestProject['getProvidedContext']>> = project.getProvidedContext();
  if (provided.session !== undefined) return undefined;
  const configuration = configurationSchema.parse({});
  const report = new Report(configuration.reportDir, newRunId(), configuration);
  const session = await openSession(configuration, report, terminalProgress());
  project.provide('session', session.facts);
  return async () => {
    await session[Symbol.asyncDispose]();
  };
}
