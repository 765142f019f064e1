import { redacted } from '../redact/redact.ts';
import type { Happening } from './events.ts';

/** Emits events with --json, and does nothing without it. */
export interface Events {
  /** From now on events carry the run's id. */
  run: string | undefined;
  readonly emit: (happening: Happening) => void;
}

let write: ((text: string) => void) | undefined;

/**
 * Keeps stdout for events: all other output, also of libraries, goes to stderr. A program that reads stdout must find only
 * lines of JSON.
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
