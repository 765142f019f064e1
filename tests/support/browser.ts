import { chromium, type Browser } from 'playwright-core';
import { EnvironmentError, messageOf } from '../../helpers/errors.ts';

/**
 * The browser that CHROME_PATH names: scripts/with-browser sets it.
 * @throws EnvironmentError when it names none, or one that does not start
 */
export async function openBrowser(): Promise<Browser> {
  const executablePath = process.env['CHROME_PATH'];
  if (executablePath === undefined || executablePath === '') {
    throw new EnvironmentError(
      'CHROME_PATH names no browser.',
      'Run it as npm does: scripts/with-browser COMMAND, which finds one or says what to install.',
    );
  }
  try {
    return await chromium.launch({ executablePath });
  } catch (error) {
    throw new EnvironmentError(
      `The browser ${executablePath} does not start: ${messageOf(error).split('\n')[0] ?? ''}`,
      `What it says by itself: ${executablePath} --version`,
      { cause: error },
    );
  }
}
