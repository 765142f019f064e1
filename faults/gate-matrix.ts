import { editionOf } from '../fixtures/document/editions.ts';
import { checkedGiven } from '../helpers/given/check.ts';
import type { Given } from '../helpers/given/given.ts';
import { removeManifests } from '../suites/document/apply-manifests.ts';
import { Fixtures } from '../suites/document/fixtures.ts';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { configurationSchema } from '../helpers/configuration/configuration.ts';
import { messageOf } from '../helpers/errors.ts';
import { apply, remove } from '../helpers/kube/apply.ts';
import { installIstio } from '../helpers/istio/install.ts';
import { silent } from '../helpers/progress/progress.ts';
import { Report } from '../helpers/report/report.ts';
import { notFound } from '../helpers/results/gate.ts';
import { openExistingSession } from '../helpers/session/existing-session.ts';
import { planOf } from '../helpers/session/proxy.ts';
import { newRunId, type Session, type SessionFacts } from '../helpers/session/session.ts';
import { Gate, setsOf } from '../suites/upgrade/gate.ts';
import type { Hand } from '../suites/upgrade/hand.ts';
import { recordOf } from '../suites/pass.ts';
import { phasesOf } from '../suites/upgrade/phases.ts';
import { FourGreps } from './four-greps.ts';
import { caughtAt, faultResultOf, type Caught, type FaultResult } from './result.ts';
import type { GateFault, HealthyUpgrade, OwnUpgrade } from './gate-fault.ts';
import { healthyResultOf, type HealthyResult } from './healthy/result.ts';

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
    const { caught, greps } = await this.#within(fault, true);
    return faultResultOf(fault, caught, greps, start);
  }

  /** An upgrade that the gate must let go out. */
  async tryHealthy(upgrade: HealthyUpgrade): Promise<HealthyResult> {
    const start = performance.now();
    const { caught, notes } = await this.#within(upgrade, false);
    return healthyResultOf(upgrade, caught, notes, start);
  }

  /** @param twice A second judge looks before the clean-up */
  async #within(upgrade: HealthyUpgrade, twice: boolean): Promise<Ended> {
    const given = await this.#givenFor(upgrade);
    const whole = given === undefined ? this.#session : { ...this.#session, given };
    const { from, to } = setsOf(whole);
    const strategy = 'strategy' in upgrade ? upgrade.strategy : 'in-place';
    const { id } = upgrade;
    const plan = { from: from.istio, to: to.istio, rollback: false, strict: upgrade.strict ?? false };
    await using own = new Gate(whole, { ...plan, strategy });
    try {
      await own.begin(this.#used);
    } catch (error) {
      this.#unsound = `${id} found no clean cluster: ${messageOf(error)}`;
      throw error;
    }
    this.#used = true;
    if (!('theirs' in upgrade)) {
      const ended = await goThrough(own, twice, upgrade);
      // The next upgrade begins without them.
      await removeManifests(own.kube, given);
      return ended;
    }
    const { objects = [], installed = (text: string) => text } = upgrade;
    await installIstio(this.#session.cluster, from, installed(await own.fixtures.text('istio.yaml')));
    await apply(own.kube, objects);
    await using removed = new AsyncDisposableStack();
    removed.defer(() => remove(own.kube, objects));
    await using session = await this.#asTheirs(id);
    const hand: Hand = {
      run: async () => {
        await upgrade.theirs(gate);
        return { exitCode: 0, lastLines: [], output: '', interrupted: false };
      },
      enter: () => Promise.reject(new TypeError('a fault’s upgrade is a command')),
    };
    // What stands for the user's command installs the new version's images.
    const facts = { ...session.facts, others: this.#session.others };
    const theirs = { command: id };
    const asFound = { ...plan, from: notFound, to: notFound, strategy: notFound, theirs } as const;
    await using gate: Gate = new Gate(facts, asFound, { hand });
    await gate.begin(false);
    return await goThrough(gate, twice);
  }

  /** The configuration of the fault, checked as that of a user is. */
  async #givenFor(fault: HealthyUpgrade): Promise<Given | undefined> {
    const { runId, configuration } = this.#session;
    const { from, to } = setsOf(this.#session);
    const given = 'given' in fault ? fault.given(from, to) : undefined;
    if (given === undefined) return undefined;
    const base = await new Fixtures(editionOf(configuration)).text('istio.yaml');
    return (await checkedGiven({ given, base, runId }, [from, to])).given;
  }

  /** The same cluster as an existing one with its own Istio. */
  async #asTheirs(id: string): Promise<Session> {
    const { cluster, folder, images, configuration, reportFolder } = this.#session;
    const kubeconfig = join(folder, 'kubeconfig');
    await writeFile(kubeconfig, cluster.kubeconfig, { mode: 0o600 });
    const { curl, squid, origin } = images.images;
    const asked = configurationSchema.parse({
      kubeconfig,
      target: 'hermetic',
      images: images.source,
      image: { curl: curl.reference, squid: squid.reference, origin: origin.reference },
      edition: configuration.edition,
      timeoutScale: configuration.timeoutScale,
    });
    const report = new Report(join(reportFolder, id), newRunId(), asked);
    const session = await openExistingSession({ kubeconfig }, planOf(asked), report, silent, {
      theirUpgrade: true,
    });
    // istioctl runs in a container on the cluster's own network.
    return {
      facts: { ...session.facts, cluster },
      [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
    };
  }
}

interface Ended {
  readonly caught: Caught | undefined;
  /** The search of the second judge that found nothing. */
  readonly greps: string | undefined;
  readonly notes: readonly string[];
}

/**
 * The gate's phases with what is changed in them, up to the first step that fails; then, or before the clean-up, the
 * second judge.
 */
async function goThrough(gate: Gate, twice: boolean, changed?: OwnUpgrade): Promise<Ended> {
  const judge = twice ? await FourGreps.beginning(gate.world('before')) : undefined;
  const phases = phasesOf(gate);
  const keys = phases.flatMap(({ id, steps }) => steps.map((step) => `${id}/${step.id}`));
  const before = changed?.before ?? keys[0];
  if (before === undefined || !keys.includes(before)) {
    throw new TypeError(`${changed?.id ?? ''}: no step ${before ?? ''} to come before`);
  }
  let judged: { readonly greps: string | undefined } | undefined;
  for (const phase of phases) {
    if (phase.id === 'clean-up') judged = { greps: await judge?.judge(true) };
    gate.enter(phase);
    for (const step of phase.steps) {
      const key = `${phase.id}/${step.id}`;
      if (key === before) await changed?.inject?.(gate);
      const record = recordOf(step);
      await gate.take(phase, step, record);
      if (record.status !== 'failed') continue;
      judged ??= { greps: await judge?.judge(true) };
      return { caught: caughtAt(key, record.findings, record.reason), greps: judged.greps, notes: [] };
    }
  }
  const { account, comparisons } = gate;
  const changes = comparisons.flatMap(({ differences }) =>
    differences.filter(({ status, kind }) => status === 'new' && kind !== 'duration').map(({ id }) => id),
  );
  const notes = [
    `${account?.sums.client ?? 0} connections, none refused or cut`,
    ...(changes.length === 0 ? [] : [`changes that nobody reviewed: ${[...new Set(changes)].join(', ')}`]),
  ];
  return { caught: undefined, greps: judged?.greps, notes };
}
