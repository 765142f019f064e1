import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { configurationSchema, type Configuration } from '../../helpers/configuration/configuration.ts';
import { EnvironmentError, messageOf } from '../../helpers/errors.ts';
import { eventually } from '../../helpers/eventually/eventually.ts';
import { distributedNames } from '../../helpers/existing/installed.ts';
import { beginInstall } from '../../helpers/istio/install.ts';
import { compareSnapshots, takeSnapshot, type Snapshot } from '../../helpers/kube/snapshot.ts';
import { silent } from '../../helpers/progress/progress.ts';
import { Report } from '../../helpers/report/report.ts';
import type { Outcome } from '../../helpers/results/results.ts';
import { isJudged, type StepRecord } from '../../helpers/results/step.ts';
import { verdictOf } from '../../helpers/results/verdict.ts';
import { namespacesOf, openExistingSession } from '../../helpers/session/existing-session.ts';
import { planOf } from '../../helpers/session/proxy.ts';
import { newRunId, type SessionFacts } from '../../helpers/session/session.ts';
import { findingsOf } from '../../helpers/trip/finding.ts';
import { resetDocument } from '../../suites/document/prepare.ts';
import { World } from '../../suites/document/world.ts';
import { StepEvidence } from '../../suites/evidence.ts';
import { recordOf } from '../../suites/pass.ts';
import { Passes } from '../../suites/passes.ts';
import { chosenSteps, judgedSteps } from '../../suites/steps.ts';
import { make, undo } from '../fault.ts';
import { FourGreps } from '../four-greps.ts';
import { root } from '../objects.ts';
import { caughtAt, faultResultOf, type Caught, type FaultResult } from '../result.ts';
import type { TheirFault } from '../their-mesh.ts';
import type { HealthyMesh } from './mesh.ts';
import { healthyResultOf, type HealthyResult } from './result.ts';
import { HealthyRig } from './rig.ts';

interface Ended {
  readonly alarm: Caught | undefined;
  /** The search of the second judge that found nothing. */
  readonly greps: string | undefined;
  readonly notes: readonly string[];
}

/**
 * Puts healthy configurations into one mesh, one at a time, and runs the suite in each as in an existing cluster: an
 * existing-cluster session, in namespaces of its own, which it removes.
 */
export class HealthyMatrix {
  readonly #session: SessionFacts;
  readonly #world: World;
  readonly #rig: HealthyRig;
  #clean: Snapshot | undefined;
  /** Why no further mesh can be judged. */
  #unsound: string | undefined;

  constructor(session: SessionFacts) {
    this.#session = session;
    this.#world = new World(session);
    this.#rig = new HealthyRig(this.#world, namespacesOf(configurationSchema.parse({})));
  }

  /**
   * Installs Istio as the document's runs do, where the session has not.
   * @throws EnvironmentError when istioctl fails
   */
  async begin(): Promise<void> {
    const { cluster, images, begunInstall, folder } = this.#session;
    const { kube, fixtures } = this.#world;
    const { failure } =
      begunInstall ?? (await beginInstall(cluster, images, await fixtures.text('istio.yaml')));
    if (failure !== undefined) throw new EnvironmentError(failure.message, 'Run ./conformance first.');
    if (cluster.reused) await resetDocument(kube, this.#session);
    await writeFile(join(folder, 'kubeconfig'), cluster.kubeconfig, { mode: 0o600 });
    if (this.#session.destination.ca !== undefined) {
      await writeFile(join(folder, 'ca.pem'), this.#session.destination.ca);
    }
    await this.#rig.prepare();
    this.#clean = await this.#snapshot();
  }

  async end(): Promise<void> {
    await this.#world[Symbol.asyncDispose]();
  }

  unsound(): string | undefined {
    return this.#unsound;
  }

  /** @throws when the mesh cannot be made: nothing is judged then */
  async tryHealthy(mesh: HealthyMesh): Promise<HealthyResult> {
    const start = performance.now();
    const { alarm, notes } = await this.#within(mesh);
    return healthyResultOf(mesh, alarm, notes, start);
  }

  /** A mesh that must be red. @throws when it cannot be made */
  async tryFault(fault: TheirFault): Promise<FaultResult> {
    const start = performance.now();
    const { alarm, greps } = await this.#within(fault, true);
    return faultResultOf(fault, alarm, greps, start);
  }

  async #within(mesh: HealthyMesh, twice = false): Promise<Ended> {
    try {
      await this.#make(mesh);
      return await this.#run(mesh, twice);
    } finally {
      await this.#undo(mesh);
    }
  }

  async #make(mesh: HealthyMesh): Promise<void> {
    const rig = this.#rig;
    if (mesh.makesNamespaces === true) await rig.remove(...rig.prepared);
    if (mesh.proxy?.byName === true) await rig.nameProxy(mesh.proxy);
    if (mesh.istiod !== undefined) await rig.restartIstiod(mesh.istiod);
    if (mesh.meshConfig !== undefined) await rig.changeMesh(mesh.meshConfig);
    await make(mesh, rig);
  }

  async #undo(mesh: HealthyMesh): Promise<void> {
    const rig = this.#rig;
    rig.forgetSteps();
    try {
      await undo(mesh, rig);
      if (mesh.meshConfig !== undefined) await rig.restoreMesh();
      if (mesh.istiod !== undefined) await rig.restartIstiod({});
      if (mesh.proxy?.byName === true) await rig.forgetProxyName();
      if (mesh.makesNamespaces === true) await rig.apply(...rig.prepared);
      await this.#mustBeClean();
    } catch (error) {
      this.#unsound = `${mesh.id} could not be taken out of the mesh: ${messageOf(error)}`;
    }
  }

  /**
   * The suite in the mesh, from opening its session to closing it.
   * @param twice A second judge looks before the clean-up
   */
  async #run(mesh: HealthyMesh, twice: boolean): Promise<Ended> {
    const configuration = this.#configurationFor(mesh);
    const plan = planOf(configuration);
    const report = new Report(join(this.#session.reportFolder, mesh.id), newRunId(), configuration);
    const { kubeconfig = '' } = configuration;
    const records: StepRecord[] = [];
    let alarm: Caught | undefined;
    // Where the run has no session, the second judge cannot even begin.
    let greps = twice ? 'title without Istio' : undefined;
    try {
      const session = await openExistingSession({ kubeconfig }, plan, report, silent);
      try {
        await using world = new World(session.facts);
        const judge = twice ? await FourGreps.beginning(world) : undefined;
        alarm = await takeSteps(session.facts, records, async (id, isCleanUp) => {
          if (isCleanUp) greps = await judge?.judge(true);
          await this.#rig.comesTo(id);
        });
      } finally {
        await session[Symbol.asyncDispose]();
      }
    } catch (error) {
      const stage = records.length === 0 ? 'set-up' : 'clean-up';
      alarm ??= caughtAt(stage, findingsOf(error), messageOf(error));
    }
    report.steps.push(...records.filter(isJudged));
    await report.write(outcomeOf(alarm));
    return { alarm, greps, notes: notesOf(records) };
  }

  #configurationFor(mesh: HealthyMesh): Configuration {
    const { images, folder, destination, configuration } = this.#session;
    const { curl, squid, origin } = images.images;
    const { edition, timeoutScale } = configuration;
    const forProxy = (proxy: NonNullable<HealthyMesh['proxy']>): Partial<Configuration> => ({
      ...this.#rig.told(proxy),
      target: 'auto',
      destination: destination.url,
      expectTitle: destination.title,
      destinationCa: join(folder, 'ca.pem'),
    });
    return configurationSchema.parse({
      kubeconfig: join(folder, 'kubeconfig'),
      target: 'hermetic',
      // The first false alarm is enough to know, and the next mesh waits.
      failFast: true,
      images: images.source,
      image: { curl: curl.reference, squid: squid.reference, origin: origin.reference },
      edition,
      timeoutScale,
      ...(mesh.proxy === undefined ? {} : forProxy(mesh.proxy)),
      ...mesh.settings,
    });
  }

  async #mustBeClean(): Promise<void> {
    const clean = this.#clean;
    if (clean === undefined) return;
    await eventually(
      'the mesh to be as it was',
      async () => {
        const differences = compareSnapshots(clean, await this.#snapshot());
        if (differences.length > 0) throw new Error(differences.slice(0, 10).join('; '));
      },
      // After a red, Squid takes half a minute to end.
      { timeoutMs: 90_000, intervalMs: 500 },
    );
  }

  /** Istio's objects as well; not what the cluster's own machinery writes, nor pods that Deployments make anew. */
  #snapshot(): Promise<Snapshot> {
    return takeSnapshot(this.#rig.kube, ({ kind, metadata }) => {
      const { name = '', namespace = '' } = metadata ?? {};
      if (kind === 'Node' || distributedNames.includes(name)) return true;
      return kind === 'Pod' && [root, 'kube-system'].includes(namespace);
    });
  }
}

/** The steps of the session; the records tell what became of each. */
async function takeSteps(
  facts: SessionFacts,
  records: StepRecord[],
  before: (id: string, isCleanUp: boolean) => Promise<void>,
): Promise<Caught | undefined> {
  const judged = judgedSteps(facts);
  const passes = new Passes(facts, judged, new StepEvidence(facts));
  await passes.begin(1);
  try {
    const chosen = chosenSteps(facts);
    const firstOfCleanUp = chosen.find(({ section }) => section === 'cleanup');
    for (const step of chosen) {
      await before(step.id, step === firstOfCleanUp);
      const record = recordOf(step);
      records.push(record);
      await passes.take(step, record);
    }
  } finally {
    await passes.end(1);
  }
  const steps = records.filter(isJudged);
  const failed = steps.find(({ status }) => status === 'failed');
  if (failed !== undefined) return caughtAt(failed.id, failed.findings, failed.reason);
  const {
    verdict,
    cause = '',
    reason,
  } = verdictOf({
    expected: judged.map(({ id }) => id),
    repeat: 1,
    steps,
    target: facts.destination.kind,
    problems: [],
    clusterServes: true,
  });
  return verdict === 'conformant' ? undefined : { step: 'verdict', cause, seen: reason };
}

function outcomeOf(alarm: Caught | undefined): Outcome {
  if (alarm === undefined) return { verdict: 'conformant', reason: '' };
  return { verdict: 'not conformant', reason: `${alarm.step}: ${alarm.cause}: ${alarm.seen}` };
}

/** Whose statements the request from the mesh has, and which steps were not judged. */
function notesOf(records: readonly StepRecord[]): string[] {
  const trips = records.flatMap((record) => (record.id.startsWith('MESH-') ? record.trips : []));
  const [trip] = trips;
  const witnesses = (['sidecar', 'proxy', 'origin'] as const).filter(
    (name) => (trip?.[name]?.length ?? 0) > 0,
  );
  const skipped = Map.groupBy(
    records.filter(({ status, reason }) => status === 'skipped' && !reason.startsWith('because ')),
    ({ reason }) => reason,
  );
  const weaker =
    trip?.counters === undefined ? [] : [`the sidecar’s counters speak for it: ${trip.counters}`];
  return [
    ...(trip === undefined ? [] : [`witnesses: ${['client', ...witnesses].join(', ')}`]),
    ...weaker,
    ...[...skipped].map(
      ([reason, steps]) => `not judged: ${steps.map(({ id }) => id).join(', ')} (${reason})`,
    ),
  ];
}
