import { once } from 'node:events';
import { BroadcastChannel } from 'node:worker_threads';
import { inject, vi } from 'vitest';
import type {} from '../helpers/results/vitest-context.ts';
import type { Handed } from '../helpers/session/session.ts';
import { scaleTimeouts } from '../helpers/timeouts.ts';

/** Applies the run's time limits: of a plain `vitest run` nobody else has. */
const { timeoutScale, pauseOnFailure } = inject('conformance');
scaleTimeouts(timeoutScale);

// Every wait inside a step has its own deadline and names what it waits for. vitest's limits catch a step that hangs all
// the same. A pause for a person has no limit.
const testTimeout = pauseOnFailure ? 0 : 1_800_000 * Math.max(1, timeoutScale);
vi.setConfig({ testTimeout, hookTimeout: 900_000 * Math.max(1, timeoutScale) });

/**
 * What the tests of this file work with. The file's modules have loaded while the session was being opened; this waits
 * for it, and for ever where none is opened: no test begins then.
 */
export async function handed(): Promise<Handed> {
  const ofPlainRun = inject('session') as Handed['session'] | undefined;
  if (ofPlainRun !== undefined) return { session: ofPlainRun };
  const channel = new BroadcastChannel(inject('channel'));
  try {
    const answer = once(channel, 'message') as Promise<[{ readonly data: Handed }]>;
    channel.postMessage('ready');
    const [{ data }] = await answer;
    return data;
  } finally {
    channel.close();
  }
}
