import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { GitHubApi } from '../support/github-api.ts';
import { job, results, told, variables } from './pages.ts';
import { Runner, type WorkflowRun } from './runner.ts';

test('a push: lint, format, types, unit tests, shell scripts and workflows', async () => {
  const run = await pushed('check');
  const { log, result } = job(run, 'Lint, format, types, unit tests');
  expect(result).toBe('success');
  expect(stripVTControlCharacters(log)).toMatch(/^ +Tests +\d+ passed/m);
  // zizmor's last line, of the last step that can fail.
  expect(log).toContain('No findings to report.');
});

test('a push: the document holds in both editions, and its reports are kept', async () => {
  const run = await pushed('document');
  expect(results(run, ['The document'])).toEqual({ 'The document': ['success'] });
  expect(job(run, 'The document').log.match(/^Verdict: conformant/gm)).toHaveLength(2);
});

/** One job of ci.yml. */
async function pushed(name: string): Promise<WorkflowRun> {
  await using runner = await Runner.start();
  const run = await runner.run({
    // It installs the packages by itself, as on a machine that is new.
    repository: await runner.suite({}, { packages: false }),
    name: GitHubApi.repository,
    workflow: 'ci.yml',
    event: 'push',
    job: name,
    variables,
  });
  await told(`ci-${name}`, run);
  return run;
}
