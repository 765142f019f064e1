import { duration } from '../helpers/progress/terminal.ts';
import type { Step } from './document/step.ts';
import type { World } from './document/world.ts';

interface Begun {
  /** When the work started, in ms since the epoch; undefined while it waits for the steps it needs. */
  at: number | undefined;
  /** Settles when the work has ended; rejects as the work does. */
  readonly done: Promise<void>;
}

/** Work that steps start before their turn. */
export class AheadWork {
  readonly #world: World;
  readonly #steps: readonly Step[];
  readonly #begun = new Map<string, Begun>();

  /** @param steps Steps of the pass; only their work starts early */
  constructor(world: World, steps: readonly Step[]) {
    this.#world = world;
    this.#steps = steps;
  }

  /** Starts the work that may start with the pass (`undefined`), or with the turn of this step. */
  begin(turn: string | undefined): void {
    for (const step of this.#steps) {
      if (step.ahead !== undefined && step.ahead.with === turn) this.#begin(step);
    }
  }

  /**
   * Waits for the step's work, and starts it when it has not started yet.
   * @returns how long ago it started; undefined when it starts now
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

  /** For a skipped step: waits for its early work and undoes it. */
  async drop({ id, ahead }: Step): Promise<void> {
    const begun = this.#begun.get(id);
    if (begun === undefined || ahead?.undo === undefined) return;
    await begun.done.catch(() => undefined);
    await ahead.undo(this.#world);
  }

  /** Waits until all early work has ended. */
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
    // The step may never be judged; then a step it needs has failed and been reported.
    begun.done.catch(() => undefined);
    this.#begun.set(step.id, begun);
  }
}
