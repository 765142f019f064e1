import { fileURLToPath } from 'node:url';
import { createVitest, type Reporter, type Vitest } from 'vitest/node';
import { ownExtension } from '../installed.ts';
import TotalsReporter from '../report/totals-reporter.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * An installed package may be read-only: vitest neither bundles nor caches there, and totals are not added up.
 */
const inPackage = { configLoader: 'native', cache: false, fsModuleCache: false } as const;

let running: Vitest | undefined;

/** Lets the test end that is at work, and begins no other; whoever waits for the project gets its end then. */
export async function cancelProject(): Promise<void> {
  await running?.cancelCurrentRun('keyboard-input');
}

/** Runs one of vitest.config.ts's projects in this process, with what its tests `inject`. */
export async function runProject(
  project: string,
  reporters: readonly Reporter[],
  provide: (vitest: Vitest) => void,
): Promise<void> {
  const restore = keepListeners();
  const vitest = await createVitest({
    root,
    project: [project],
    watch: false,
    ...(ownExtension === 'ts'
      ? { reporters: [...reporters, new TotalsReporter()] }
      : { ...inPackage, reporters: [...reporters] }),
  });
  restore();
  try {
    provide(vitest);
    running = vitest;
    await vitest.start();
  } finally {
    running = undefined;
    await vitest.close();
  }
  // The exit code is the CLI's to choose; vitest sets it on any failed test.
  process.exitCode = 0;
}

/**
 * Vite ends the process on SIGTERM by itself, vitest on SIGINT and on an unhandled rejection, all of them before
 * anything could be cleaned up. These are the CLI's to handle.
 * @returns takes the listeners away that came since
 */
function keepListeners(): () => void {
  const events = ['SIGINT', 'SIGTERM', 'SIGHUP', 'unhandledRejection', 'uncaughtException'] as const;
  const before = events.map((event) => process.listeners(event as 'SIGINT'));
  return () => {
    for (const [index, event] of events.entries()) {
      for (const listener of process.listeners(event as 'SIGINT')) {
        if (before[index]?.includes(listener) !== true) process.off(event, listener);
      }
    }
  };
}
