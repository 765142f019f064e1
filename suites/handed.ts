import { once } from 'node:events';
import { BroadcastChannel } from 'node:worker_threads';
import { inject } from 'vitest';
import type { Handed } from '../helpers/session/session.ts';

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
