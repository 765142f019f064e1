import { runErrand, type ErrandEnd } from '../../helpers/pause/pause.ts';

/** Does what a user's own upgrade is made of. */
export interface Hand {
  /** @param name `upgrade`, `rollback` or `restart` */
  readonly run: (
    name: string,
    command: string,
    environment: Readonly<Record<string, string>>,
  ) => Promise<ErrandEnd>;
  /** Shows a text at the terminal and waits for Enter. */
  readonly enter: (text: string) => Promise<ErrandEnd>;
}

/** Asks the process's own thread, where the user is. */
export function askedHand(runId: string): Hand {
  return {
    run: (name, command, environment) => runErrand(runId, { kind: 'command', name, command, environment }),
    enter: (text) => runErrand(runId, { kind: 'enter', text }),
  };
}
