import type { SessionFacts } from '../helpers/session/session.ts';
import { resetDocument, snapshotOf } from './document/prepare.ts';
import type { Step } from './document/step.ts';
import { World } from './document/world.ts';
import type { StepEvidence } from './evidence.ts';
import { Pass, type Outcome } from './pass.ts';

/** How a step came out, how long it took by itself, and where the evidence of its failure is. */
export type Taken = Outcome & { readonly durationMs: number; readonly evidence: string };

/** The passes over the steps on the session's cluster, each with a world of its own. */
export class Passes {
  readonly #session: SessionFacts;
  readonly #steps: readonly Step[];
  readonly #evidence: Pick<StepEvidence, 'of'> | undefined;
  readonly #prepare: typeof prepare;
  #pass: Pass | undefined;
  #number = 0;
  /** Why nothing more can be judged. */
  #over: string | undefined;

  /**
   * @param steps The run's, whose work may begin before their turn
   * @param evidence Collects it of each step that fails by itself; none is collected without
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

  /** The versions seen in this pass so far. */
  get versions(): Readonly<Record<string, string>> {
    return this.#pass?.world.versions ?? {};
  }

  /** Before a pass: brings the cluster to where the document begins, where anything ran on it before. */
  async begin(number: number, used = number > 1 || this.#session.cluster.reused): Promise<void> {
    if (this.#over !== undefined) return;
    this.#number = number;
    // What the set-up began is the first pass's alone.
    const { begunInstall: _begunInstall, ...later } = this.#session;
    const world = new World(number === 1 ? this.#session : later);
    this.#pass = new Pass(world, this.#steps);
    try {
      await this.#prepare(world, used);
    } catch (error) {
      // What could not be brought back for this pass would spoil the next ones, at the full length of every wait.
      this.#over = `because pass ${number} could not begin`;
      throw error;
    }
    this.#pass.begin();
  }

  /** Does the step, judges it, and has evidence collected when it failed, before anything else happens. Never rejects. */
  async take(step: Step): Promise<Taken> {
    const pass = this.#pass;
    if (pass === undefined || this.#over !== undefined) {
      const because = this.#over ?? 'because no pass has begun';
      return { status: 'skipped', record: { facts: {}, trips: [] }, because, durationMs: 0, evidence: '' };
    }
    const start = performance.now();
    const outcome = await pass.take(step);
    const durationMs = Math.round(performance.now() - start);
    const evidence =
      outcome.status === 'failed'
        ? await this.#evidence?.of({ step, pass: this.#number, outcome, world: pass.world })
        : undefined;
    if (outcome.status === 'failed' && this.#session.configuration.failFast) {
      this.#over ??= `because step ${step.id} failed (--fail-fast)`;
    }
    return { ...outcome, durationMs, evidence: evidence ?? '' };
  }

  /** After a pass. */
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
