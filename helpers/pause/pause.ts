import { BroadcastChannel } from 'node:worker_threads';
import { messageOf as textOf } from '../errors.ts';

/** A step that failed, and waits with everything in place. */
export interface Paused {
  readonly step: string;
  readonly cause: string | undefined;
  readonly message: string;
  /** Folder of its evidence in the report folder; '' when there is none. */
  readonly evidence: string;
}

type Message =
  | { readonly type: 'paused'; readonly paused: Paused }
  | { readonly type: 'go on'; readonly step: string }
  | { readonly type: 'told'; readonly line: string };

const channelOf = (runId: string): BroadcastChannel => new BroadcastChannel(`conformance-pause-${runId}`);

/** In the thread that runs the steps: waits until whoever listens says to go on. */
export async function pause(runId: string, paused: Paused): Promise<void> {
  const channel = channelOf(runId);
  await new Promise<void>((resolve) => {
    channel.onmessage = (event: unknown) => {
      const message = messageOf(event);
      if (message.type === 'go on' && message.step === paused.step) resolve();
    };
    channel.postMessage({ type: 'paused', paused } satisfies Message);
  });
  channel.close();
}

/** In the thread that runs the steps: shows a line at once, while the step goes on. */
export function tell(runId: string, line: string): void {
  const channel = channelOf(runId);
  channel.postMessage({ type: 'told', line } satisfies Message);
  channel.close();
}

/** In the process's own thread: shows what a step tells while it goes on. @returns ends the listening */
export function onTold(runId: string, say: (line: string) => void): Disposable {
  const channel = channelOf(runId);
  channel.onmessage = (event: unknown) => {
    const message = messageOf(event);
    if (message.type === 'told') say(message.line);
  };
  channel.unref();
  return {
    [Symbol.dispose]: () => {
      channel.close();
    },
  };
}

/**
 * In the process's own thread, where the terminal is: answers each pause when `attend` is through.
 * @returns ends the listening
 */
export function onPause(runId: string, attend: (paused: Paused) => Promise<void>): Disposable {
  const channel = channelOf(runId);
  channel.onmessage = (event: unknown) => {
    const message = messageOf(event);
    if (message.type !== 'paused') return;
    const { paused } = message;
    const goOn = (): void => {
      channel.postMessage({ type: 'go on', step: paused.step } satisfies Message);
    };
    attend(paused).then(goOn, (error: unknown) => {
      process.stderr.write(`The run does not wait: ${textOf(error)}\n`);
      goOn();
    });
  };
  channel.unref();
  return {
    [Symbol.dispose]: () => {
      channel.close();
    },
  };
}

function messageOf(event: unknown): Message {
  return (event as { readonly data: Message }).data;
}
