import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { EnvironmentError, UsageError } from '../errors.ts';
import { GitHub, githubApi } from '../github.ts';

// By both the issue is found again, whoever opened others.
const label = 'nightly-failure';
const title = 'The nightly run fails';
/** GitHub takes 65,536 characters. */
const most = 60_000;

type Outcome = 'failure' | 'success' | 'unknown';

const issues = z.array(
  z.object({ number: z.number(), title: z.string(), pull_request: z.unknown().optional() }),
);

function outcomeOf(results: readonly string[]): Outcome {
  const foreign = results.find((result) => !['failure', 'success', 'cancelled', 'skipped'].includes(result));
  if (foreign !== undefined) {
    throw new UsageError(
      `unknown result of a job: ${foreign}`,
      'It is success, failure, cancelled or skipped.',
    );
  }
  if (results.includes('failure')) return 'failure';
  return results.includes('success') && !results.includes('cancelled') ? 'success' : 'unknown';
}

/** The text of the issue and of each comment. */
function bodyOf(what: string, runUrl: string, summary: string): string {
  const lines = [`[${what}](${runUrl}).`, ''];
  if (summary === '')
    lines.push('No run left results: a job broke before its first verdict. Its log is what there is.');
  else lines.push(summary.slice(0, most));
  if (summary.length > most) lines.push('', '', 'Cut here: the rest is in the summary of the run.');
  return lines.join('\n');
}

/** The numbers of the open ones, oldest first. */
async function openIssues(github: GitHub, issuesPath: string): Promise<number[]> {
  const { url, json } = await github.ask('GET', `${issuesPath}?state=open&labels=${label}&per_page=100`);
  const listed = issues.safeParse(json);
  if (!listed.success) {
    const hint = 'Look at what it answers with curl: the API may have changed.';
    throw new EnvironmentError(`${url} answered what is no list of issues.`, hint);
  }
  return listed.data
    .filter((issue) => issue.title === title && issue.pull_request === undefined)
    .map(({ number }) => number)
    .sort((one, other) => one - other);
}

/** @throws UsageError where a variable is not set */
function needed(environment: NodeJS.ProcessEnv, name: string, why: string): string {
  const value = environment[name] ?? '';
  if (value === '') throw new UsageError(`${name} is not set: ${why}`, 'nightly.yml sets it.');
  return value;
}

/**
 * Keeps the one issue that tells whether the nightly run is broken.
 *
 * - a failure: the issue is opened, or its text is brought up to date and a comment added
 * - successes alone: it is closed, with a comment
 * - anything cancelled, or nothing but skipped: nothing is known, and the issue stays as it is
 * @param words A Markdown file, which may be missing or empty, then what GitHub Actions says of each job
 * @param environment GITHUB_REPOSITORY, GITHUB_TOKEN (may write issues), RUN_URL (the run's page), and GITHUB_API_URL where
 *   it is not github.com's
 * @returns what was done, for people
 * @throws UsageError for words and variables that are missing or wrong
 * @throws EnvironmentError when GitHub does not answer or refuses
 */
export async function trackIssue(
  [file, ...results]: readonly string[],
  environment: NodeJS.ProcessEnv,
): Promise<string> {
  if (file === undefined || results.length === 0) {
    throw new UsageError(
      'usage: scripts/tracking-issue SUMMARY RESULT...',
      'E.g. summary.md success failure',
    );
  }
  const outcome = outcomeOf(results);
  const runUrl = needed(environment, 'RUN_URL', 'the issue would not say which run it means.');
  const repository = needed(environment, 'GITHUB_REPOSITORY', 'whose issue is meant is not known.');
  const token = needed(environment, 'GITHUB_TOKEN', 'GitHub takes no change to an issue without one.');
  if (outcome === 'unknown') return `not every job ran (${results.join(' ')}): the issue stays as it is`;

  const api = environment['GITHUB_API_URL'] ?? githubApi;
  await using github = new GitHub({ api, token });
  const path = `/repos/${repository}/issues`;
  const comment = (number: number, text: string): Promise<unknown> =>
    github.ask('POST', `${path}/${number}/comments`, { body: { body: text } });
  const close = async (number: number, text: string): Promise<void> => {
    await comment(number, text);
    await github.ask('PATCH', `${path}/${number}`, { body: { state: 'closed' } });
  };
  const [kept, ...others] = await openIssues(github, path);
  if (outcome === 'success') {
    if (kept === undefined) return 'all is well, and no issue is open';
    const closed = [kept, ...others];
    for (const number of closed) await close(number, `[A run without a failure](${runUrl}).`);
    return closed.map((number) => `closed #${number}`).join('\n');
  }

  const summary = await readFile(file, 'utf8').catch(() => '');
  const body = bodyOf('The last run that failed', runUrl, summary);
  if (kept === undefined) {
    const description = 'The nightly run fails; opened and closed by it';
    // 422: it exists.
    await github.ask('POST', `/repos/${repository}/labels`, {
      body: { name: label, color: 'b60205', description },
      accept: [422],
    });
    await github.ask('POST', path, { body: { title, body, labels: [label] } });
    return 'opened an issue';
  }
  await github.ask('PATCH', `${path}/${kept}`, { body: { body } });
  await comment(kept, bodyOf('Another run that failed', runUrl, summary));
  for (const number of others) await close(number, `One issue is enough: #${kept}.`);
  return [`brought #${kept} up to date`, ...others.map((number) => `closed #${number}, a second one`)].join(
    '\n',
  );
}
