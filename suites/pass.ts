import { EnvironmentError, messageOf } from '../helpers/errors.ts';
import { late, orLate } from '../helpers/eventually/eventually.ts';
import type { StepRecord } from '../helpers/results/step.ts';
import { timeouts } from '../helpers/timeouts.ts';
import { ConformanceError, findingsOf } from '../helpers/trip/finding.ts';
import { explain } from './document/explain.ts';
import type { Step } from './document/step.ts';
import type { World } from './document/world.ts';
import { duration } from '../helpers/progress/terminal.ts';

/** A new record of the step, in the first pass unless `where` says otherwise. */
export function recordOf(
  { id, title, section, commands = [] }: Step,
  where: Pick<StepRecord, 'pass' | 'phase'> = { pass: 1 },
): StepRecord {
  return {
    id,
    title,
    section,
    command: commands.join('\n'),
    ...where,
    status: 'pending',
    reason: '',
    durationMs: 0,
    findings: [],
    facts: {},
    trips: [],
    evidence: '',
  };
}

/** Records that the step was not judged, and why. */
export function skip(record: StepRecord, reason: string): void {
  record.status = 'skipped';
  record.reason = reason;
}

/** One pass over the steps, in their order. A step whose need failed is skipped. */
export class Pass {
  readonly world: World;
  /** Steps that did not pass, each with the failed step it comes from. */
  readonly #broken = new Map<string, string>();
  /** A step that hangs still changes the cluster: nothing after it can be judged. */
  #hanging = false;

  readonly #ahead: AheadWork;
  #cleaning = false;

  /** @param steps Steps whose work may start early; by default none does */
  constructor(world: World, steps: readonly Step[] = []) {
    this.world = world;
    this.#ahead = new AheadWork(world, steps);
  }

  /** Starts the work that waits for no step. */
  begin(): void {
    this.#ahead.begin(undefined);
  }

  /** Resolves when all work that was started early has ended. */
  async end(): Promise<void> {
    await this.#ahead.settled();
  }

  /** Whether a step exceeded its time limit and may still be running. */
  get hanging(): boolean {
    return this.#hanging;
  }

  /**
   * Runs the step, judges it and fills in its record. Never rejects.
   * @returns the error of a step that failed, for its test to throw
   */
  async take(step: Step, record: StepRecord): Promise<unknown> {
    this.world.begin(record);
    if (this.#hanging) {
      skip(record, 'because a step before it did not end');
      return undefined;
    }
    const start = performance.now();
    try {
      return await this.#judge(step, record);
    } finally {
      record.durationMs = Math.round(performance.now() - start);
    }
  }

  async #judge(step: Step, record: StepRecord): Promise<unknown> {
    const unavailable = step.unavailable?.(this.world.session);
    if (unavailable !== undefined) {
      skip(record, unavailable);
      return undefined;
    }
    const [root] = step.needs.flatMap((need) => this.#broken.get(need) ?? []);
    if (root !== undefined) {
      this.#broken.set(step.id, root);
      skip(record, `because step ${root} failed`);
      await this.#ahead.drop(step).catch((error: unknown) => {
        record.facts['not taken back'] = messageOf(error);
      });
      return undefined;
    }
    try {
      await this.#inTime(this.#do(step), timeouts[step.limit ?? 'step']);
      record.status = 'passed';
      return undefined;
    } catch (error) {
      this.#broken.set(step.id, step.id);
      return await this.#fail(record, error);
    }
  }

  async #do(step: Step): Promise<void> {
    // Early work must not recreate what clean-up removes. Work that a clean-up step starts itself is not waited for.
    if (step.section === 'cleanup' && !this.#cleaning) {
      this.#cleaning = true;
      await this.#ahead.settled();
    }
    this.#ahead.begin(step.id);
    const before = await this.#ahead.of(step);
    await step.run(this.world);
    if (before !== undefined) this.world.note('begun', `${before} before its turn`);
  }

  async #inTime(work: Promise<void>, limitMs: number): Promise<void> {
    if ((await orLate(work, limitMs)) !== late) return;
    this.#hanging = true;
    throw new EnvironmentError(
      `The step did not end within ${limitMs / 1000} s, in spite of the limits of its own waits`,
      "This is a fault of the suite or of a machine that hangs; please report it with the run's log.",
    );
  }

  /** Records the failure, with more specific findings where the cluster's state gives them. */
  async #fail(record: StepRecord, error: unknown): Promise<unknown> {
    const findings = findingsOf(error);
    const sharper = await orLate(explain(this.world, findings), timeouts.explain).catch(
      (problem: unknown) => {
        record.facts['not explained further'] = messageOf(problem);
        return findings;
      },
    );
    record.status = 'failed';
    record.findings = sharper === late ? findings : sharper;
    const told =
      record.findings === findings ? error : new ConformanceError(record.findings, record.trips.at(-1));
    record.reason = messageOf(told);
    return told;
  }
}

interface Begun {
  /** When the work started, in ms since the epoch; undefined while it waits for the steps it needs. */
  at: number | undefined;
  /** Settles when the work has ended; rejects as the work does. */
  readonly done: Promise<void>;
}

/** Work that steps start before their turn. */
class AheadWork {
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
