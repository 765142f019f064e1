import { BroadcastChannel } from 'node:worker_threads';
import { messageOf as textOf } from '../errors.ts';

/** What a step has the process's own thread do: there the terminal is, and signals arrive. */
export type Errand =
  | {
      readonly kind: 'command';
      /** Names it: its output is kept under this name. */
      readonly name: string;
      /** For the shell. */
      readonly command: string;
      /** Variables besides those of the process. */
      readonly environment: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'enter'; readonly text: string };

/** What came of it. */
export interface ErrandEnd {
  /** 0: a command that succeeded, or Enter. Undefined: a signal ended it. */
  readonly exitCode: number | undefined;
  /** The last lines that it printed. */
  readonly lastLines: readonly string[];
  /** File of all that it printed, in the report folder; '' where there is none. */
  readonly output: string;
  /** Whether the run was interrupted meanwhile. */
  readonly interrupted: boolean;
}

type Message =
  | { readonly type: 'asked'; readonly id: number; readonly errand: Errand }
  | { readonly type: 'ended'; readonly id: number; readonly end: ErrandEnd };

const channelOf = (runId: string): BroadcastChannel => new BroadcastChannel(`conformance-errand-${runId}`);

let asked = 0;

/** In the thread that runs the steps: has it done, and waits until it is. */
export async function runErrand(runId: string, errand: Errand): Promise<ErrandEnd> {
  const channel = channelOf(runId);
  const id = (asked += 1);
  const end = await new Promise<ErrandEnd>((resolve) => {
    channel.onmessage = (event: unknown) => {
      const message = messageOf(event);
      if (message.type === 'ended' && message.id === id) resolve(message.end);
    };
    channel.postMessage({ type: 'asked', id, errand } satisfies Message);
  });
  channel.close();
  return end;
}

/** In the process's own thread: does each errand that a step asks for. @returns ends the listening */
export function onErrand(runId: string, attend: (errand: Errand) => Promise<ErrandEnd>): Disposable {
  const channel = channelOf(runId);
  let listening = true;
  channel.onmessage = (event: unknown) => {
    const message = messageOf(event);
    if (message.type !== 'asked') return;
    const { id, errand } = message;
    const end = (ended: ErrandEnd): void => {
      if (!listening) return;
      channel.postMessage({ type: 'ended', id, end: ended } satisfies Message);
    };
    attend(errand).then(end, (error: unknown) => {
      end({ exitCode: undefined, lastLines: [textOf(error)], output: '', interrupted: false });
    });
  };
  channel.unref();
  return {
    [Symbol.dispose]: () => {
      listening = false;
      channel.close();
    },
  };
}

function messageOf(event: unknown): Message {
  return (event as { readonly data: Message }).data;
}
