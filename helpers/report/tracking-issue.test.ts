import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { GitHubApi, type StoredIssue } from '../../tests/support/github-api.ts';
import { ActionableError } from '../errors.ts';
import { trackIssue } from './tracking-issue.ts';

const tracked = { title: 'The nightly run fails', labels: ['nightly-failure'] };

/** What the nightly run's last job does, with a GitHub of this machine. */
class Nightly implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'nightly '));
  readonly github: GitHubApi;

  constructor(github: GitHubApi) {
    this.github = github;
    this.summary('| run | verdict |\n');
  }

  static async start(): Promise<Nightly> {
    return new Nightly(await GitHubApi.start());
  }

  summary(text: string): void {
    writeFileSync(join(this.folder, 'summary.md'), text);
  }

  /** What it said, of an error as well. */
  async of(results: readonly string[], env: Record<string, string> = {}): Promise<string> {
    const environment = {
      GITHUB_API_URL: this.github.url,
      GITHUB_REPOSITORY: GitHubApi.repository,
      GITHUB_TOKEN: GitHubApi.token,
      RUN_URL: 'https://run/1',
      ...env,
    };
    try {
      return await trackIssue([join(this.folder, 'summary.md'), ...results], environment);
    } catch (error) {
      if (error instanceof ActionableError) return `${String(error.exitCode)} ${error.message} ${error.hint}`;
      throw error;
    }
  }

  get issues(): readonly StoredIssue[] {
    return this.github.issues;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    rmSync(this.folder, { recursive: true });
    await this.github[Symbol.asyncDispose]();
  }
}

describe.concurrent('a failure', () => {
  it('opens the issue, with its label, the summary and the run; the next one brings it up to date', async () => {
    await using nightly = await Nightly.start();
    expect(await nightly.of(['success', 'failure', 'skipped'])).toBe('opened an issue');
    const body = '[The last run that failed](https://run/1).\n\n| run | verdict |\n';
    expect(nightly.issues).toEqual([{ number: 1, state: 'open', comments: [], body, ...tracked }]);
    expect([...nightly.github.labels]).toEqual(tracked.labels);

    nightly.summary('worse\n');
    const said = await nightly.of(['failure', 'cancelled'], { RUN_URL: 'https://run/2' });
    expect(said).toBe('brought #1 up to date');
    expect(nightly.issues).toHaveLength(1);
    expect(nightly.issues[0]).toMatchObject({
      body: '[The last run that failed](https://run/2).\n\nworse\n',
      comments: ['[Another run that failed](https://run/2).\n\nworse\n'],
    });
  });

  it('leaves the oldest where there are several, and other people’s alone', async () => {
    await using nightly = await Nightly.start();
    nightly.github.has({ title: 'Another', labels: tracked.labels });
    nightly.github.has({ title: tracked.title, labels: [] });
    for (let open = 0; open < 3; open += 1) nightly.github.has(tracked);
    await nightly.of(['failure']);
    expect(nightly.issues.map(({ state }) => state)).toEqual(['open', 'open', 'open', 'closed', 'closed']);
    expect(nightly.issues[4]?.comments).toEqual(['One issue is enough: #3.']);
    expect(nightly.issues.map(({ body }) => body.includes('last run'))).toEqual([
      false,
      false,
      true,
      false,
      false,
    ]);
  });

  it('opens one where the label is there already', async () => {
    await using nightly = await Nightly.start();
    nightly.github.labels.add('nightly-failure');
    expect(await nightly.of(['failure'])).toBe('opened an issue');
    expect(nightly.issues).toHaveLength(1);
  });

  it.each([
    ['', 'No run left results'],
    ['é'.repeat(70_000), 'Cut here'],
  ])('is told even without a summary, and below what GitHub takes', async (summary, told) => {
    await using nightly = await Nightly.start();
    nightly.summary(summary);
    expect(await nightly.of(['failure'])).toBe('opened an issue');
    expect(nightly.issues[0]?.body).toContain(told);
    expect(nightly.issues[0]?.body.length).toBeLessThan(65_536);
  });
});

describe.concurrent('no failure', () => {
  it('closes what is open', async () => {
    await using nightly = await Nightly.start();
    nightly.github.has(tracked);
    expect(await nightly.of(['success', 'skipped'])).toBe('closed #1');
    expect(nightly.issues[0]).toMatchObject({
      state: 'closed',
      comments: ['[A run without a failure](https://run/1).'],
    });
  });

  it('does nothing where nothing is open', async () => {
    await using nightly = await Nightly.start();
    expect(await nightly.of(['success'])).toBe('all is well, and no issue is open');
    expect(nightly.github.calls).toEqual([`GET /repos/${GitHubApi.repository}/issues`]);
  });

  it.each([[['success', 'cancelled']], [['skipped', 'skipped']]])('says nothing of %s', async (results) => {
    await using nightly = await Nightly.start();
    expect(await nightly.of(results)).toContain('the issue stays as it is');
    expect(nightly.github.calls).toEqual([]);
  });
});

describe.concurrent('what it cannot work with', () => {
  it.each([
    [[], {}, 'usage:'],
    [['green'], {}, 'unknown result of a job: green'],
    [['failure'], { RUN_URL: '' }, 'RUN_URL is not set'],
    [['failure'], { GITHUB_TOKEN: '' }, 'GITHUB_TOKEN is not set'],
  ])('%j %j', async (results, env, message) => {
    await using nightly = await Nightly.start();
    expect(await nightly.of(results, env)).toContain(`2 ${message}`);
    expect(nightly.github.calls).toEqual([]);
  });

  it.each([
    [{ GITHUB_TOKEN: 'of-somebody' }, /^3 .*status 401.*The token in \$GITHUB_TOKEN is not accepted/],
    [{ GITHUB_REPOSITORY: 'no/such' }, /^3 .*status 404/],
  ])('%j neither opens a second issue nor passes for success', async (env, message) => {
    await using nightly = await Nightly.start();
    expect(await nightly.of(['failure'], env)).toMatch(message);
    expect(nightly.issues).toEqual([]);
  });
});
