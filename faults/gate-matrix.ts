import { editionOf } from '../fixtures/document/editions.ts';
import { messageOf } from '../helpers/errors.ts';
import { checkedGiven } from '../helpers/given/check.ts';
import type { Given } from '../helpers/given/given.ts';
import type { ImageSet } from '../helpers/images/roles.ts';
import type { SessionFacts } from '../helpers/session/session.ts';
import { Gate } from '../suites/upgrade/gate.ts';
import { removeManifests } from '../suites/document/apply-manifests.ts';
import { Fixtures } from '../suites/document/fixtures.ts';
import { recordOf } from '../suites/pass.ts';
import { phasesOf } from '../suites/upgrade/phases.ts';
import { FourGreps } from './four-greps.ts';
import { faultResultOf, type Caught, type FaultResult } from './result.ts';
import type { GateFault } from './gate-fault.ts';

/** Puts faults into upgrades on one cluster: each has a mesh of its own, from nothing to the first step that fails. */
export class GateMatrix {
  readonly #session: SessionFacts;
  #used: boolean;
  /** Why no further fault can be judged. */
  #unsound: string | undefined;

  constructor(session: SessionFacts) {
    this.#session = session;
    this.#used = session.cluster.reused;
  }

  unsound(): string | undefined {
    return this.#unsound;
  }

  async try(fault: GateFault): Promise<FaultResult> {
    const start = performance.now();
    const { images, others, runId } = this.#session;
    const [to] = others;
    const given = await this.#givenFor(fault, [images, ...others], runId);
    const session = given === undefined ? this.#session : { ...this.#session, given };
    await using gate = new Gate(session, {
      from: images.istio,
      to: to?.istio ?? '',
      strategy: fault.strategy,
      rollback: false,
      strict: fault.strict ?? false,
    });
    try {
      await gate.begin(this.#used);
    } catch (error) {
      this.#unsound = `${fault.id} found no clean cluster: ${messageOf(error)}`;
      throw error;
    }
    this.#used = true;
    const judge = await FourGreps.beginning(gate.world('before'));
    const { caught, greps } = await goThrough(gate, fault, judge);
    // The next upgrade begins without them.
    await removeManifests(gate.kube, given);
    return faultResultOf(fault, caught, greps, start);
  }

  /** The configuration of the fault, checked as that of a user is. */
  async #givenFor(fault: GateFault, sets: readonly ImageSet[], runId: string): Promise<Given | undefined> {
    const given = fault.given?.(this.#session.images);
    if (given === undefined) return undefined;
    const base = await new Fixtures(editionOf(this.#session.configuration)).text('istio.yaml');
    return (await checkedGiven({ given, base, runId }, sets)).given;
  }
}

/**
 * The gate's phases with the fault in them, up to the first step that fails; then, or before the clean-up, the second
 * judge.
 */
async function goThrough(
  gate: Gate,
  fault: GateFault,
  judge: FourGreps,
): Promise<{ readonly caught: Caught | undefined; readonly greps: string | undefined }> {
  const phases = phasesOf(gate);
  const keys = phases.flatMap(({ id, steps }) => steps.map((step) => `${id}/${step.id}`));
  const before = fault.before ?? keys[0];
  if (before === undefined || !keys.includes(before)) {
    throw new TypeError(`${fault.id}: no step ${before ?? ''} to come before`);
  }
  let judged: { readonly greps: string | undefined } | undefined;
  for (const phase of phases) {
    if (phase.id === 'clean-up') judged = { greps: await judge.judge(true) };
    gate.enter(phase);
    for (const step of phase.steps) {
      const key = `${phase.id}/${step.id}`;
      if (key === before) await fault.inject?.(gate);
      const record = recordOf(step);
      await gate.take(phase, step, record);
      if (record.status !== 'failed') continue;
      judged ??= { greps: await judge.judge(true) };
      const [first] = record.findings;
      const caught = { step: key, cause: first?.cause ?? '', seen: first?.seen ?? '' };
      return { caught, greps: judged.greps };
    }
  }
  return { caught: undefined, greps: judged?.greps };
}
