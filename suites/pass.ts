import { EnvironmentError, messageOf } from '../helpers/errors.ts';
import { late, orLate } from '../helpers/eventually/deadline.ts';
import { timeouts } from '../helpers/timeouts.ts';
import { ConformanceError, type Finding } from '../helpers/trip/finding.ts';
import { findingsOf } from '../helpers/trip/findings-of.ts';
import { explain } from './document/explain.ts';
import { AheadWork } from './ahead.ts';
import type { Step } from './document/step.ts';
import type { StepRecord, World } from './document/world.ts';

/** How a step came out. */
export type Outcome =
  | { readonly status: 'passed'; readonly record: StepRecord }
  | { readonly status: 'skipped'; readonly record: StepRecord; readonly because: string }
  | {
      readonly status: 'failed';
      readonly record: StepRecord;
      readonly error: unknown;
      /** Named causes, the most specific first; never empty. */
      readonly findings: readonly Finding[];
    };

/** One pass over the steps, in their order: a step whose need failed is not judged. */
export class Pass {
  readonly world: World;
  /** Steps that did not pass, each with the failed step it comes from. */
  readonly #broken = new Map<string, string>();
  /** A step that hangs is still at work on the cluster: nothing after it can be judged. */
  #hanging = false;

  readonly #ahead: AheadWork;
  #cleaning = false;

  /** @param steps Steps whose work may begin before their turn; none does when not given */
  constructor(world: World, steps: readonly Step[] = []) {
    this.world = world;
    this.#ahead = new AheadWork(world, steps);
  }

  /** Begins what need not wait for any step's turn. */
  begin(): void {
    this.#ahead.begin(undefined);
  }

  /** Resolves when no work of a step that was not judged goes on any more. */
  async end(): Promise<void> {
    await this.#ahead.settled();
  }

  /** Whether a step is still at work on the cluster. */
  get hanging(): boolean {
    return this.#hanging;
  }

  /** Does the step and judges it. Never rejects. */
  async take(step: Step): Promise<Outcome> {
    const record = this.world.begin();
    if (this.#hanging) return { status: 'skipped', record, because: 'because a step before it did not end' };
    const unavailable = step.unavailable?.(this.world.session.configuration);
    if (unavailable !== undefined) return { status: 'skipped', record, because: unavailable };
    const [root] = step.needs.flatMap((need) => this.#broken.get(need) ?? []);
    if (root !== undefined) {
      this.#broken.set(step.id, root);
      await this.#ahead.drop(step).catch((error: unknown) => {
        record.facts['not taken back'] = messageOf(error);
      });
      return { status: 'skipped', record, because: `because step ${root} failed` };
    }
    try {
      await this.#inTime(this.#do(step));
      return { status: 'passed', record };
    } catch (error) {
      this.#broken.set(step.id, step.id);
      return { status: 'failed', record, ...(await this.#explained(error, record)) };
    }
  }

  /** Before the first step that cleans up; what those begin themselves is not waited for. */
  async #settledOnce(): Promise<void> {
    if (this.#cleaning) return;
    this.#cleaning = true;
    await this.#ahead.settled();
  }

  async #do(step: Step): Promise<void> {
    // What a step that failed had begun must not come back while it is being removed.
    if (step.section === 'cleanup') await this.#settledOnce();
    this.#ahead.begin(step.id);
    const before = await this.#ahead.of(step);
    await step.run(this.world);
    if (before !== undefined) this.world.note('begun', `${before} before its turn`);
  }

  async #inTime(work: Promise<void>): Promise<void> {
    if ((await orLate(work, timeouts.step)) !== late) return;
    this.#hanging = true;
    throw new EnvironmentError(
      `The step did not end within ${timeouts.step / 1000} s, in spite of the limits of its own waits`,
      "This is a fault of the suite or of a machine that hangs; please report it with the run's log.",
    );
  }

  /** The findings, sharpened by what the cluster's state tells; the error as it is where that adds nothing. */
  async #explained(
    error: unknown,
    record: StepRecord,
  ): Promise<{ error: unknown; findings: readonly Finding[] }> {
    const findings = findingsOf(error);
    const sharper = await orLate(explain(this.world, findings), timeouts.explain).catch(
      (problem: unknown) => {
        record.facts['not explained further'] = messageOf(problem);
        return findings;
      },
    );
    if (sharper === late || sharper === findings) return { error, findings };
    return { error: new ConformanceError(sharper, record.trips.at(-1)), findings: sharper };
  }
}
