import type { StepRecord } from '../helpers/results/step.ts';
import type { SessionFacts } from '../helpers/session/session.ts';
import { resetDocument, snapshotOf } from './document/prepare.ts';
import type { Step } from './document/step.ts';
import { World } from './document/world.ts';
import type { StepEvidence } from './evidence.ts';
import { Pass, skip } from './pass.ts';

/** The passes over the steps on the session's cluster, each with a world of its own. */
export class Passes {
  readonly #session: SessionFacts;
  readonly #steps: readonly Step[];
  readonly #evidence: Pick<StepEvidence, 'of'> | undefined;
  readonly #prepare: typeof prepare;
  #pass: Pass | undefined;
  /** Why no further step is judged. */
  #over: string | undefined;

  /**
   * @param steps Steps whose work may start early
   * @param evidence Collects evidence of each step that fails
   */
  constructor(
    session: SessionFacts,
    steps: readonly Step[] = [],
    evidence?: Pick<StepEvidence, 'of'>,
    prepareWorld = prepare,
  ) {
    this.#session = session;
    this.#steps = steps;
    this.#evidence = evidence;
    this.#prepare = prepareWorld;
  }

  /** Versions of the components that this pass has seen. */
  get versions(): Readonly<Record<string, string>> {
    return this.#pass?.world.versions ?? {};
  }

  /** Starts a pass. Resets a used cluster to the state in which the document begins. */
  async begin(number: number, used = number > 1 || this.#session.cluster.reused): Promise<void> {
    if (this.#over !== undefined) return;
    // Only the first pass continues what the set-up started.
    const { begunInstall: _begunInstall, ...later } = this.#session;
    const world = new World(number === 1 ? this.#session : later);
    this.#pass = new Pass(world, this.#steps);
    try {
      await this.#prepare(world, used);
    } catch (error) {
      // Later passes would find the same leftovers, and wait for each of them until the time limit.
      this.#over = `because pass ${number} could not begin`;
      throw error;
    }
    this.#pass.begin();
  }

  /**
   * Runs the step, judges it and fills in its record; collects evidence of a failure before anything else happens. Never
   * rejects.
   * @returns the error of a step that failed, for its test to throw
   */
  async take(step: Step, record: StepRecord): Promise<unknown> {
    const pass = this.#pass;
    if (pass === undefined || this.#over !== undefined) {
      skip(record, this.#over ?? 'because no pass has begun');
      return undefined;
    }
    const error = await pass.take(step, record);
    if (record.status === 'failed') {
      await this.#evidence?.of(record, pass.world);
      if (this.#session.configuration.failFast) this.#over ??= `because step ${step.id} failed (--fail-fast)`;
    }
    return error;
  }

  async end(number: number): Promise<void> {
    if (this.#pass?.hanging === true) this.#over ??= `because a step of pass ${number} did not end`;
    const world = this.#pass?.world;
    if (this.#pass?.hanging === false) await this.#pass.end();
    this.#pass = undefined;
    await world?.[Symbol.asyncDispose]();
  }
}

async function prepare(world: World, used: boolean): Promise<void> {
  if (used) await resetDocument(world.kube, world.session);
  world.before.set(await snapshotOf(world));
}
