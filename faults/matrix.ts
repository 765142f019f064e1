import { configurationSchema } from '../helpers/configuration/configuration.ts';
import { EnvironmentError, messageOf } from '../helpers/errors.ts';
import { eventually } from '../helpers/eventually/eventually.ts';
import { listeners, sidecarOf } from '../helpers/istio/sidecar.ts';
import { remove } from '../helpers/kube/apply.ts';
import { takeSnapshot, type Snapshot } from '../helpers/kube/snapshot.ts';
import { isReady, livePods } from '../helpers/kube/workloads.ts';
import { planOf } from '../helpers/session/proxy.ts';
import type { SessionFacts } from '../helpers/session/session.ts';
import { timeouts } from '../helpers/timeouts.ts';
import { notCompared, resetDocument } from '../suites/document/prepare.ts';
import { serviceEntryIn } from '../suites/document/service-entry.ts';
import type { Step } from '../suites/document/step.ts';
import { World } from '../suites/document/world.ts';
import { Pass, recordOf } from '../suites/pass.ts';
import { allSteps, stepsFor as stepsOfPlan } from '../suites/steps.ts';
import { make, undo, type Fault } from './fault.ts';
import { FourGreps } from './four-greps.ts';
import { caughtAt, faultResultOf, type Caught, type FaultResult } from './result.ts';
import { Rig } from './rig.ts';

/**
 * Puts faults into one cluster, one at a time. What the document made stays between the passes, so that a pass takes
 * seconds: its steps apply, they do not create. A fault that needs a missing object removes it first.
 */
export class Matrix {
  readonly #session: SessionFacts;
  #before: Snapshot | undefined;
  /** Why no further fault can be judged. */
  #unsound: string | undefined;

  constructor(session: SessionFacts) {
    this.#session = session;
  }

  /** @throws EnvironmentError when a pass without a fault is not green */
  async begin(): Promise<void> {
    const world = new World(this.#session);
    await resetDocument(world.kube, world.session);
    this.#before = await takeSnapshot(world.kube, notCompared);
    await world[Symbol.asyncDispose]();
    await this.#soundPass('BEFORE-1');
  }

  unsound(): string | undefined {
    return this.#unsound;
  }

  async try(fault: Fault): Promise<FaultResult> {
    const start = performance.now();
    const { configuration } = this.#session;
    const world = new World({ ...this.#session, configuration: { ...configuration, ...fault.load } });
    if (this.#before !== undefined) world.before.set(this.#before);
    const rig = new Rig(world);
    let caught: Caught | undefined;
    let greps: string | undefined;
    try {
      await this.#forgetEntry(world);
      const judge = await FourGreps.beginning(world);
      ({ caught, greps } = await this.#pass(fault, rig, judge));
    } finally {
      world.fixtures.restore();
      world.witnesses.proxyName = undefined;
      if (fault.fatal === true) this.#unsound = `${fault.id} ended the cluster`;
      else await this.#undo(fault, rig);
      await world[Symbol.asyncDispose]();
    }
    return faultResultOf(fault, caught, greps, start);
  }

  /** The document with the fault in it, up to the first step that fails; then, or before the clean-up, the second judge. */
  async #pass(
    fault: Fault,
    rig: Rig,
    judge: FourGreps,
  ): Promise<{ caught: Caught | undefined; greps: string | undefined }> {
    const steps = stepsFor(fault);
    const pass = new Pass(rig.world);
    const before = fault.before ?? steps[0]?.id;
    if (!steps.some(({ id }) => id === before))
      throw new TypeError(`${fault.id}: no step ${before ?? ''} to come before`);
    let entryApplied = false;
    let caught: Caught | undefined;
    let judged: { readonly greps: string | undefined } | undefined;
    const judgeNow = async (): Promise<{ readonly greps: string | undefined }> => {
      await rig.comesToJudging();
      return { greps: await judge.judge(entryApplied) };
    };
    for (const step of steps) {
      if (step.section === 'cleanup') judged ??= await judgeNow();
      if (step.id === before) await make(fault, rig);
      await rig.comesTo(step.id);
      if (step.id === 'MESH-1') entryApplied = true;
      const record = recordOf(step);
      await pass.take(step, record);
      if (record.status !== 'failed') continue;
      caught = caughtAt(record.id, record.findings, record.reason);
      break;
    }
    judged ??= await judgeNow();
    return { caught, greps: judged.greps };
  }

  async #undo(fault: Fault, rig: Rig): Promise<void> {
    try {
      await undo(fault, rig);
      await this.#soundPass(fault.from ?? 'BEFORE-2');
    } catch (error) {
      this.#unsound = `after ${fault.id} the mesh is not sound again: ${messageOf(error)}`;
    }
  }

  /** Proves that the mesh is sound: the document, without its clean-up, is green. */
  async #soundPass(from: 'BEFORE-1' | 'BEFORE-2'): Promise<void> {
    await using world = new World(this.#session);
    await this.#forgetEntry(world);
    const pass = new Pass(world);
    for (const step of allSteps) {
      if (step.section === 'cleanup' || step.section === 'controls') continue;
      if (step.id === 'BEFORE-1' && from !== 'BEFORE-1') continue;
      const record = recordOf(step);
      await pass.take(step, record);
      if (record.status === 'passed') continue;
      throw new EnvironmentError(
        `Without a fault, ${step.id} is not green: ${record.reason}`,
        'Run ./conformance first.',
      );
    }
  }

  /** Deletes the entry and waits until the sidecar has forgotten it: no step may pass on an earlier pass's listener. */
  async #forgetEntry(world: World): Promise<void> {
    const { kube, edition } = world;
    const { client, namespaces, proxy } = edition;
    await remove(kube, [serviceEntryIn(world)]);
    await eventually(
      'the sidecar to have forgotten the entry of the pass before',
      async () => {
        const pods = (await livePods(kube, namespaces.mesh, `app=${client}`)).filter(isReady);
        for (const pod of pods.filter((one) => sidecarOf(one) !== undefined)) {
          const name = pod.metadata?.name ?? '';
          const all = await listeners(kube, { namespace: namespaces.mesh, pod: name });
          const left = all.filter(({ address }) => address?.socket_address?.port_value === proxy.port);
          if (left.length > 0) throw new Error(left.map(({ name }) => name).join(', '));
        }
      },
      { timeoutMs: timeouts.configPush, intervalMs: 50 },
    );
  }
}

/** The document; its clean-up and the controls only where the fault is for them to catch. */
function stepsFor({ expect, from, load }: Fault): readonly Step[] {
  const steps = load === undefined ? allSteps : stepsOfPlan(planOf(configurationSchema.parse(load)));
  return steps.filter(({ id, section }) => {
    if (section === 'cleanup') return expect.step.startsWith('CLEAN-');
    if (section === 'controls') return id === expect.step || expect.step.startsWith('CONTROL-');
    return id !== 'BEFORE-1' || from === 'BEFORE-1';
  });
}
