import { BroadcastChannel } from 'node:worker_threads';
import { messageOf } from '../errors.ts';

/** What a step has the process's own thread do: the terminal is there, and signals arrive there. */
export type Errand =
  | {
      readonly kind: 'command';
      /** Names it: its output is kept under this name. */
      readonly name: string;
      readonly command: string;
      /** Variables besides those of the process. */
      readonly environment: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'enter'; readonly text: string };

export interface ErrandEnd {
  /** 0: a command that succeeded, or Enter. Undefined: a signal ended it. */
  readonly exitCode: number | undefined;
  readonly lastLines: readonly string[];
  /** File of all that it printed, in the report folder; '' where there is none. */
  readonly output: string;
  /** Whether the run was interrupted meanwhile. */
  readonly interrupted: boolean;
}

/** A step that failed, and waits with everything in place. */
export interface Paused {
  readonly step: string;
  readonly cause: string | undefined;
  readonly message: string;
  /** Folder of its evidence in the report folder; '' when there is none. */
  readonly evidence: string;
}

type Topic = 'errand' | 'pause' | 'line';
type Message = { readonly id: number } & ({ readonly question: unknown } | { readonly answer: unknown });

function channelOf(topic: Topic, runId: string, onMessage: (message: Message) => void): BroadcastChannel {
  const channel = new BroadcastChannel(`conformance-${topic}-${runId}`);
  channel.onmessage = (event: unknown) => {
    onMessage((event as { readonly data: Message }).data);
  };
  return channel;
}

let asked = 0;

/** In the thread that runs the steps: asks the process's own thread, and waits for its answer. */
async function ask<Answer>(topic: Topic, runId: string, question: unknown): Promise<Answer> {
  const id = (asked += 1);
  const { promise, resolve } = Promise.withResolvers<Answer>();
  const channel = channelOf(topic, runId, (message) => {
    if ('answer' in message && message.id === id) resolve(message.answer as Answer);
  });
  channel.postMessage({ id, question } satisfies Message);
  const answer = await promise;
  channel.close();
  return answer;
}

/** In the process's own thread: answers what steps ask. @returns ends the listening */
function answerTo(topic: Topic, runId: string, attend: (question: unknown) => Promise<unknown>): Disposable {
  let listening = true;
  const channel = channelOf(topic, runId, (message) => {
    if (!('question' in message)) return;
    void attend(message.question).then((answer) => {
      if (listening) channel.postMessage({ id: message.id, answer } satisfies Message);
    });
  });
  channel.unref();
  return {
    [Symbol.dispose]: () => {
      listening = false;
      channel.close();
    },
  };
}

/** Has the process's own thread do it, and waits until it is done. */
export function runErrand(runId: string, errand: Errand): Promise<ErrandEnd> {
  return ask('errand', runId, errand);
}

/** Does each errand that a step asks for. @returns ends the listening */
export function onErrand(runId: string, attend: (errand: Errand) => Promise<ErrandEnd>): Disposable {
  const failed = { exitCode: undefined, output: '', interrupted: false };
  return answerTo('errand', runId, (errand) =>
    attend(errand as Errand).catch((error: unknown) => ({ ...failed, lastLines: [messageOf(error)] })),
  );
}

/** Waits until whoever listens says to go on. */
export function pause(runId: string, paused: Paused): Promise<void> {
  return ask('pause', runId, paused);
}

/** Answers each pause when `attend` is through. @returns ends the listening */
export function onPause(runId: string, attend: (paused: Paused) => Promise<void>): Disposable {
  return answerTo('pause', runId, (paused) =>
    attend(paused as Paused).catch((error: unknown) => {
      process.stderr.write(`The run does not wait: ${messageOf(error)}\n`);
    }),
  );
}

/** Shows a line at once, while the step goes on. */
export function tell(runId: string, line: string): void {
  const channel = channelOf('line', runId, () => undefined);
  channel.postMessage({ id: 0, question: line } satisfies Message);
  channel.close();
}

/** Shows the lines of steps. @returns ends the listening */
export function onTold(runId: string, say: (line: string) => void): Disposable {
  return answerTo('line', runId, (line) => {
    say(line as string);
    return Promise.resolve();
  });
}
