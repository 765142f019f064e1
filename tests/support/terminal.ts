import { on } from 'node:events';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import type { Attended, CheckoutRequest } from '../../faults/checkout.ts';
import { messageOf } from '../../helpers/errors.ts';

const program = fileURLToPath(new URL('at-terminal.py', import.meta.url));

/** A command is run by this at a terminal of its own: see there. */
export const atOwnTerminal = ['python3', program] as const;

/** Keys as a terminal sends them. */
export const keys = { enter: '\r', interrupt: '\u0003' };

/** A person at a terminal. */
export interface Typist {
  /** When the terminal shows this … */
  readonly when: RegExp;
  /** … this happens, once, and its result is typed. */
  readonly types: (shown: string) => string | Promise<string>;
}

/** Runs the command at a terminal: its stdin and stderr. */
export function atTerminal(typist: Typist): Required<Pick<CheckoutRequest, 'attend' | 'prefix'>> {
  return { prefix: atOwnTerminal, attend: (running) => attend(running, typist) };
}

/** @returns why it typed nothing, or what `types` threw; it interrupts the command then */
async function attend({ stdin, stderr }: Attended, { when, types }: Typist): Promise<Error | undefined> {
  let shown = '';
  for await (const [chunk] of on(stderr, 'data', { close: ['close'] })) {
    shown += String(chunk);
    if (!when.test(shown)) continue;
    try {
      stdin?.write(await types(stripVTControlCharacters(shown)));
      return undefined;
    } catch (error) {
      stdin?.write(keys.interrupt);
      return error instanceof Error ? error : new Error(messageOf(error));
    }
  }
  return new Error(`The terminal never showed ${String(when)}: ${shown}`);
}
