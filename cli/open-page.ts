import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { EnvironmentError, messageOf } from '../helpers/errors.ts';
import { timeouts } from '../helpers/timeouts.ts';

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

export interface Opening {
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
