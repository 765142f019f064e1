import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { EnvironmentError, thrownAs, messageOf } from '../helpers/errors.ts';
import { compareLines, compareRuns } from '../helpers/report/compare.ts';
import { loadPages } from '../helpers/report/html/load.ts';
import { readResults } from '../helpers/report/read-results.ts';
import { redacted } from '../helpers/redact/redact.ts';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { timeouts } from '../helpers/timeouts.ts';

interface PageChoice {
  readonly open: boolean;
  /** File to write the page to, instead of the report's folder. */
  readonly output?: string;
}

/** `conformance report`: makes a run's page again from its results.json. */
export async function remakePage(path: string, choice: PageChoice): Promise<void> {
  const { folder, run } = await readResults(path);
  // An older version of the suite may have kept what this one removes.
  const { pageOf } = await loadPages();
  const page = await pageOf(redacted(run));
  await write(page, choice.output ?? join(folder, 'report', 'index.html'), choice);
}

/** `conformance report --compare`: what differs between two runs, on stdout and as a page in the second one's folder. */
export async function comparePage(before: string, after: string, choice: PageChoice): Promise<void> {
  const [first, second] = [await readResults(before), await readResults(after)];
  const comparison = compareRuns(redacted(first.run), redacted(second.run));
  for (const line of compareLines(comparison)) process.stdout.write(`${line}\n`);
  const name = `compared-with-${fileName(first.run.runId)}.html`;
  const { comparePageOf } = await loadPages();
  const page = await comparePageOf(comparison);
  await write(page, choice.output ?? join(second.folder, 'report', name), choice);
}

async function write(page: string, path: string, { open }: PageChoice): Promise<void> {
  const full = resolve(path);
  const hint = 'Name another file: --output FILE.';
  const unwritable = thrownAs(EnvironmentError, `The page cannot be written to ${full}`, hint);
  await mkdir(dirname(full), { recursive: true }).catch(unwritable);
  await writeFile(full, page).catch(unwritable);
  process.stdout.write(`Page:   ${full}\n`);
  if (open) await opened(pathToFileURL(full).href);
}

/** A run's id as part of a file's name: it comes from a file, which may say anything. */
function fileName(runId: string): string {
  return runId.replace(/[^\w-]+/g, '-').slice(0, 100);
}

/**
 * Shows an address in this user's browser.
 * @param start Starts the system's opener; tests pass their own
 * @throws EnvironmentError when there is no screen, or no browser
 */
export async function opened(
  address: string,
  { start = systemOpener, environment = process.env, platform = process.platform }: Opening = {},
): Promise<void> {
  // Without a screen xdg-open would take a text browser, or wait for one.
  const screens = ['DISPLAY', 'WAYLAND_DISPLAY', 'WSL_DISTRO_NAME', 'BROWSER'];
  if (platform === 'linux' && screens.every((name) => (environment[name] ?? '') === ''))
    throw notOpened('there is no screen');
  let opener: ChildProcess;
  try {
    opener = await start(address);
  } catch (error) {
    throw notOpened(messageOf(error));
  }
  if ((await exitCodeOf(opener)) !== 0) throw notOpened('no browser was found');
}

interface Opening {
  readonly start?: (address: string) => Promise<ChildProcess>;
  readonly environment?: NodeJS.ProcessEnv;
  readonly platform?: NodeJS.Platform;
}

async function systemOpener(address: string): Promise<ChildProcess> {
  const { default: open } = await import('open');
  return open(address);
}

/** An opener ends at once, unless it became the browser: one that still runs succeeded. */
async function exitCodeOf(opener: ChildProcess): Promise<number | null> {
  if (opener.exitCode !== null) return opener.exitCode;
  const limit = AbortSignal.timeout(timeouts.openPage);
  try {
    const [code] = (await once(opener, 'exit', { signal: limit })) as [number | null];
    return code;
  } catch (error) {
    if (limit.aborted) return 0;
    throw notOpened(messageOf(error));
  }
}

function notOpened(why: string): EnvironmentError {
  return new EnvironmentError(`The page was not opened: ${why}.`, 'Open the file named above by hand.');
}
