import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { GitHubApi } from '../support/github-api.ts';
import { job, results, told, variables } from './pages.ts';
import { Runner } from './runner.ts';

test('a push: lint, format, types, unit tests, shell scripts and workflows', async () => {
  await using runner = await Runner.start();
  const run = await runner.run({
    repository: await runner.suite({}, { packages: false }),
    name: GitHubApi.repository,
    workflow: 'ci.yml',
    event: 'push',
    job: 'check',
    variables,
  });
  await told('ci-check', run);
  const { log, result } = job(run, 'Lint, format, types, unit tests');
  expect(result).toBe('success');
  expect(stripVTControlCharacters(log)).toMatch(/^ +Tests +\d+ passed/m);
  // zizmor's last line, of the last step that can fail.
  expect(log).toContain('No findings to report.');
});

test('a push: the document holds in both editions, and its reports are kept', async () => {
  await using runner = await Runner.start();
  const run = await runner.run({
    // It installs the packages by itself, as on a machine that is new.
    repository: await runner.suite({}, { packages: false }),
    name: GitHubApi.repository,
    workflow: 'ci.yml',
    event: 'push',
    job: 'document',
    variables,
  });
  await told('ci-document', run);
  expect(results(run, ['The document'])).toEqual({ 'The document': ['success'] });
  expect(job(run, 'The document').log.match(/^Verdict: conformant/gm)).toHaveLength(2);
});
