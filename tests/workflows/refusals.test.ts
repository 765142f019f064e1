import { readdir } from 'node:fs/promises';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { GitHubApi } from '../support/github-api.ts';
import { checkout, job, newest, nobody, oneVersion, releases, results, told, variables } from './pages.ts';
import { Runner } from './runner.ts';

test('the files are what actionlint accepts', async () => {
  const { exitCode, all: said } = await execa('actionlint', [], { cwd: checkout, reject: false, all: true });
  expect(said).toBe('');
  expect(exitCode).toBe(0);
});

test('a night whose registry does not answer says nothing about Istio, and is reported all the same', async () => {
  await using runner = await Runner.start();
  await using github = await GitHubApi.start(releases);
  const run = await runner.run({
    repository: await runner.suite(),
    name: GitHubApi.repository,
    workflow: 'nightly.yml',
    event: 'schedule',
    variables: {
      ...variables,
      ...oneVersion,
      CONFORMANCE_IMAGES: 'mirror=127.0.0.1:9/nobody',
      CONFORMANCE_RELEASES_API: nobody,
    },
    api: github.url,
  });
  await told('no-registry', run, github);
  expect(results(run, [newest, 'tracking issue'])).toEqual({
    [newest]: ['failure'],
    'tracking issue': ['success'],
  });
  // One run of each edition.
  expect(job(run, newest).summary).toMatch(/^2 environment\n/);
  expect(job(run, 'tracking issue').summary).toMatch(/^2 environment\n/);
  expect(github.issues).toMatchObject([
    { state: 'open', body: expect.stringContaining('2 environment') as string },
  ]);
});

test('a night that cannot be fanned out is reported, with what was asked for by hand', async () => {
  await using runner = await Runner.start();
  await using github = await GitHubApi.start(releases);
  const run = await runner.run({
    repository: await runner.suite(),
    name: GitHubApi.repository,
    workflow: 'nightly.yml',
    event: 'workflow_dispatch',
    inputs: { istio: '>=9', runner: 'company-runner' },
    variables: { ...variables, CONFORMANCE_RELEASES_API: nobody },
    api: github.url,
  });
  await told('no-night', run, github);
  expect(run.exitCode).toBe(1);
  expect(results(run, ['Which cells', 'tracking issue'])).toEqual({
    'Which cells': ['failure'],
    'tracking issue': ['success'],
  });
  expect(job(run, 'Which cells').log).toContain('No listed version of Istio is within --istio >=9.');
  expect([...run.jobs.keys()].filter((name) => /1\.2\d|Gate/.test(name))).toEqual([]);
  expect(github.issues).toMatchObject([
    { state: 'open', body: expect.stringContaining('No run left results') as string },
  ]);
});

test('the gate by hand refuses a pair that Istio does not support: the verdict is usage, and there is no report', async () => {
  await using runner = await Runner.start();
  const run = await runner.run({
    repository: await runner.suite(),
    name: GitHubApi.repository,
    workflow: 'gate.yml',
    event: 'workflow_dispatch',
    inputs: {
      from: '1.29.1',
      to: '1.28.3',
      strict: 'true',
      images: 'source',
      arguments: '--timeout-scale=2',
    },
    variables,
  });
  await told('refused', run);
  expect(run.exitCode).toBe(1);
  expect(job(run, '1.29.1 to 1.28.3').log).toContain('this would be a downgrade');
  expect(run.output).toContain('::set-output:: verdict=usage');
  expect(job(run, '1.29.1 to 1.28.3').summary).toBe('');
  expect(await readdir(run.artifacts)).toEqual([]);
});
