import { duration } from '../helpers/progress/terminal.ts';
import type { Step } from './document/step.ts';
import type { World } from './document/world.ts';

interface Begun {
  /** When its work began, in ms since the epoch; undefined while it waits for that of what it needs. */
  at: number | undefined;
  /** Settles when the work is over; a failure is for whoever awaits it. */
  readonly done: Promise<void>;
}

/** Work of steps that begins before their turn. */
export class AheadWork {
  readonly #world: World;
  readonly #steps: readonly Step[];
  readonly #begun = new Map<string, Begun>();

  /** @param steps Those of the pass: work of any other is not begun */
  constructor(world: World, steps: readonly Step[]) {
    this.#world = world;
    this.#steps = steps;
  }

  /** Begins what may begin with the pass (`undefined`), or with a step whose turn has come. */
  begin(turn: string | undefined): void {
    for (const step of this.#steps) {
      if (step.ahead !== undefined && step.ahead.with === turn) this.#begin(step);
    }
  }

  /**
   * Resolves when the step's work is done, which begins now if it has not yet.
   * @returns how long before now it began; undefined when it had not
   */
  async of(step: Step): Promise<string | undefined> {
    const { ahead } = step;
    if (ahead === undefined) return undefined;
    const begun = this.#begun.get(step.id);
    const at = ahead.since?.(this.#world) ?? begun?.at;
    const before = at === undefined ? undefined : duration(Date.now() - at);
    await (begun?.done ?? ahead.work(this.#world));
    return before;
  }

  /** For a step that is not judged: what was begun for it is over and taken back. */
  async drop({ id, ahead }: Step): Promise<void> {
    const begun = this.#begun.get(id);
    if (begun === undefined || ahead?.undo === undefined) return;
    await begun.done.catch(() => undefined);
    await ahead.undo(this.#world);
  }

  /** Resolves when nothing that was begun is going on any more. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#begun.values()].map(({ done }) => done));
  }

  #begin(step: Step): void {
    const { ahead } = step;
    if (ahead === undefined || this.#begun.has(step.id)) return;
    const needs = step.needs.flatMap((need) => this.#begun.get(need)?.done ?? []);
    const after = (ahead.after ?? []).flatMap((id) => this.#begun.get(id)?.done ?? []);
    const begin = async (): Promise<void> => {
      await Promise.allSettled(after);
      await Promise.all(needs);
      begun.at = Date.now();
      await ahead.work(this.#world);
    };
    const begun: Begun = { at: undefined, done: Promise.resolve().then(begin) };
    // Its step may never be judged: then what it needs has failed, and that is told.
    begun.done.catch(() => undefined);
    this.#begun.set(step.id, begun);
  }
}
