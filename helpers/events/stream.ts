import { redacted } from '../report/redacted.ts';
import type { Happening } from './events.ts';

/** Takes what happens; where nobody asked for events it goes nowhere. */
export interface Events {
  /** From now on events carry the run's id. */
  run: string | undefined;
  readonly emit: (happening: Happening) => void;
}

let write: ((text: string) => void) | undefined;

/**
 * Keeps stdout for events: what anybody else prints there, libraries included, goes to stderr instead. A program that
 * reads the lines must never meet one that is no JSON.
 */
export function keepStdoutForEvents(): void {
  const { stdout, stderr } = process;
  const own = stdout.write.bind(stdout);
  write ??= (text) => {
    own(text);
  };
  stdout.write = stderr.write.bind(stderr);
}

/** The process's events. */
export const events: Events = {
  run: undefined,
  emit: (happening) => {
    if (write === undefined) return;
    const { run } = events;
    const event = {
      ...happening,
      time: new Date().toISOString(),
      ...(run === undefined ? {} : { runId: run }),
    };
    write(`${JSON.stringify(redacted(event))}\n`);
  },
};
