import { describe, expect, test } from 'vitest';
import { GitHubApi } from '../support/github-api.ts';
import {
  all,
  job,
  newest,
  nobody,
  older,
  oneVersion,
  pairs,
  releases,
  results,
  told,
  variables,
} from './pages.ts';
import { Runner } from './runner.ts';

const asHttp = (text: string): string => text.replace('protocol: TCP', 'protocol: HTTP');
/** A mistake in the ServiceEntry of either edition, as a contributor might commit it. */
const wrongProtocol = {
  'fixtures/document/current/service-entry.yaml': asHttp,
  'fixtures/document/2018-zh/service-entry.yaml': asHttp,
};

describe('the nightly run', () => {
  // act ends a run at the first reusable workflow that fails, where GitHub goes on to the job that tells: so the gates of
  // a red night are run by themselves.
  test('is red where the document does not hold: the job names the cause, and the issue has it', async () => {
    await using runner = await Runner.start();
    await using github = await GitHubApi.start(releases);
    const run = await runner.run({
      repository: await runner.suite(wrongProtocol),
      name: GitHubApi.repository,
      workflow: 'nightly.yml',
      event: 'schedule',
      variables: { ...variables, ...oneVersion, CONFORMANCE_RELEASES_API: nobody },
      api: github.url,
    });
    await told('red-night', run, github);
    expect(results(run, ['Which cells', newest, 'newest releases', 'tracking issue'])).toEqual({
      'Which cells': ['success'],
      [newest]: ['failure'],
      'newest releases': ['failure'],
      'tracking issue': ['success'],
    });
    expect(run.exitCode).toBe(1);
    expect(job(run, newest).summary).toContain('SERVICE\\_ENTRY\\_PROTOCOL');
    const { summary } = job(run, 'tracking issue');
    expect(summary).toMatch(/^2 not conformant\n/);
    const url = `https://github.com/${GitHubApi.repository}/actions/runs/1`;
    expect(github.issues).toMatchObject([
      { title: 'The nightly run fails', state: 'open', labels: ['nightly-failure'], comments: [] },
    ]);
    expect(github.issues[0]?.body).toBe(`[The last run that failed](${url}).\n\n${summary}`);
  });

  test('is green where it holds, in both editions, and the gates between versions are; it closes the issue of an earlier night', async () => {
    await using runner = await Runner.start();
    await using github = await GitHubApi.start(releases);
    const issue = github.has({ title: 'The nightly run fails', labels: ['nightly-failure'] });
    const run = await runner.run({
      repository: await runner.suite(),
      name: GitHubApi.repository,
      workflow: 'nightly.yml',
      event: 'schedule',
      variables: { ...variables, CONFORMANCE_RELEASES_API: github.url },
      api: github.url,
    });
    await told('green-night', run, github);
    expect(run.exitCode).toBe(0);
    for (const cell of [older, newest]) expect(job(run, cell).summary, cell).toMatch(/^2 conformant\n/);
    for (const pair of pairs) expect(job(run, pair).summary, pair).toMatch(/^1 conformant\n/);
    // With the newest releases, in one edition.
    expect(job(run, 'newest releases').summary).toMatch(/^1 conformant\n/);
    expect(job(run, 'tracking issue').summary).toMatch(/^7 conformant\n/);
    expect(issue.state).toBe('closed');
  });

  test('has red gates where the document does not hold', async () => {
    await using runner = await Runner.start();
    const run = await runner.run({
      repository: await runner.suite(wrongProtocol),
      name: GitHubApi.repository,
      workflow: 'nightly.yml',
      event: 'schedule',
      job: 'gate',
      variables,
    });
    await told('red-gates', run);
    expect(results(run, pairs)).toEqual(all(pairs, 'failure'));
    for (const name of pairs) {
      expect(job(run, name).summary, name).toMatch(/^1 not conformant\n/);
      expect(job(run, name).summary, name).toContain('SERVICE\\_ENTRY\\_PROTOCOL');
    }
    expect(run.output).toContain('::set-output:: verdict=not conformant');
  });
});
