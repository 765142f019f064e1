import { takeSnapshot } from '../helpers/kube/snapshot.ts';
import type { SessionFacts } from '../helpers/session/session.ts';
import { notCompared, resetDocument } from './document/prepare.ts';
import type { Step } from './document/step.ts';
import { World } from './document/world.ts';
import { Pass, type Outcome } from './pass.ts';

/** The passes over the steps on the session's cluster, each with a world of its own. */
export class Passes {
  readonly #session: SessionFacts;
  readonly #prepare: typeof prepare;
  #pass: Pass | undefined;
  /** Why nothing more can be judged. */
  #over: string | undefined;

  constructor(session: SessionFacts, prepareWorld = prepare) {
    this.#session = session;
    this.#prepare = prepareWorld;
  }

  /** The versions seen in this pass so far. */
  get versions(): Readonly<Record<string, string>> {
    return this.#pass?.world.versions ?? {};
  }

  /** Before a pass: brings the cluster to where the document begins, where anything ran on it before. */
  async begin(number: number): Promise<void> {
    if (this.#over !== undefined) return;
    const world = new World(this.#session);
    this.#pass = new Pass(world);
    try {
      await this.#prepare(world, number > 1 || this.#session.cluster.reused);
    } catch (error) {
      // What could not be brought back for this pass would spoil the next ones, at the full length of every wait.
      this.#over = `because pass ${number} could not begin`;
      throw error;
    }
  }

  /** Does the step and judges it. Never rejects. */
  async take(step: Step): Promise<Outcome> {
    if (this.#pass !== undefined && this.#over === undefined) return this.#pass.take(step);
    const because = this.#over ?? 'because no pass has begun';
    return { status: 'skipped', record: { facts: {}, trips: [] }, because };
  }

  /** After a pass. */
  async end(number: number): Promise<void> {
    if (this.#pass?.hanging === true) this.#over ??= `because a step of pass ${number} did not end`;
    const world = this.#pass?.world;
    this.#pass = undefined;
    await world?.[Symbol.asyncDispose]();
  }
}

async function prepare(world: World, used: boolean): Promise<void> {
  if (used) await resetDocument(world.kube);
  world.before.set(await takeSnapshot(world.kube, notCompared));
}
