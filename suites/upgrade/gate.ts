import { editionOf } from '../../fixtures/document/editions.ts';
import type { Edition } from '../../helpers/document/edition.ts';
import type { Snapshot } from '../../helpers/kube/snapshot.ts';
import { labelNamespace, remove } from '../../helpers/kube/apply.ts';
import { uninstallIstio } from '../../helpers/istio/install.ts';
import { connect, type Kube } from '../../helpers/kube/client.ts';
import type { GivenProblem } from '../../helpers/given/given.ts';
import type { DrainWatch } from '../../helpers/gate/drain-watch.ts';
import { observeSidecar } from '../../helpers/gate/observation.ts';
import type { Observation, Comparison, Drain, GatePlan, GateResults } from '../../helpers/results/gate.ts';
import { isJudged, type StepRecord } from '../../helpers/results/step.ts';
import type { ImageSet } from '../../helpers/images/roles.ts';
import { injectionLabels, istioSystem, revisionOf, type Revision } from '../../helpers/istio/revision.ts';
import type { SessionFacts } from '../../helpers/session/session.ts';
import type { TrafficAccount } from '../../helpers/traffic/account.ts';
import { trafficNamespace, type Traffic } from '../../helpers/traffic/traffic.ts';
import { removeManifests } from '../document/apply-manifests.ts';
import { Fixtures } from '../document/fixtures.ts';
import { entryHost } from '../document/service-entry.ts';
import { ownSnapshot, resetDocument } from '../document/prepare.ts';
import type { Step } from '../document/step.ts';
import { sidecarOfSet, World, type Mesh } from '../document/world.ts';
import type { Evidence } from '../evidence.ts';
import { Pass, skip } from '../pass.ts';
import { meshState } from './mesh-state.ts';
import { namespaceObject } from '../../helpers/kube/manifests.ts';

/** Passes over the document in a gate; the phases of one pass share its world. */
export type PassName = 'before' | 'upgrade' | 'old proxy' | 'fresh proxy' | 'rolled back';

/** A part of the gate that people are told by name. */
export interface Phase {
  /** Stable, for the report: `document-old-proxy`. */
  readonly id: string;
  readonly title: string;
  readonly pass: PassName;
  readonly steps: readonly Step[];
  /** Phases all of whose steps must have passed: without them this one would say nothing. */
  readonly needs: readonly string[];
}

/** A mesh on its way from one version of Istio to another, and everything that is learnt on it. */
export class Gate implements AsyncDisposable {
  readonly session: SessionFacts;
  readonly plan: GatePlan;
  readonly edition: Edition;
  readonly kube: Kube;
  readonly from: ImageSet;
  readonly to: ImageSet;
  /** Revision of the new control plane; undefined where it takes the place of the old one. */
  readonly revision: Revision;
  /** Fixtures that the new version is installed with; a fault alters them. */
  readonly fixtures: Fixtures;
  /** Labels of a namespace whose pods a revision injects into; a fault keeps the old one. */
  labels: (revision: Revision) => Readonly<Record<string, string | null>> = injectionLabels;
  readonly observations = new Map<PassName, Observation>();
  readonly comparisons: Comparison[] = [];
  /** Control planes and sidecars after the last operation, or after the first step that failed; a line each. */
  mesh: readonly string[] = [];
  /** What the old version's analyzers say of the user's manifests. */
  analysis: readonly GivenProblem[] = [];
  traffic: Traffic | undefined;
  account: TrafficAccount | undefined;
  /** Watches the listener that the tunnels of the kept sidecar are on. */
  watch: DrainWatch | undefined;
  drain: Drain | undefined;
  readonly #evidence: Evidence | undefined;
  readonly #passes = new Map<PassName, Pass>();
  readonly #records = new Map<PassName, StepRecord[]>();
  /** Phases with a step that did not pass, each with the step that failed first. */
  readonly #broken = new Map<string, string>();
  /** Why nothing more is judged. */
  #over: string | undefined;
  #before: Snapshot | undefined;

  constructor(session: SessionFacts, plan: GatePlan, evidence?: Evidence) {
    const [to] = session.others;
    if (to === undefined) throw new TypeError('a gate needs the images of two versions');
    this.session = session;
    this.edition = editionOf(session.configuration);
    this.fixtures = new Fixtures(this.edition);
    this.plan = plan;
    this.from = session.images;
    this.to = to;
    this.kube = connect(session.cluster.kubeconfig);
    this.revision = plan.strategy === 'canary' ? revisionOf(to.istio) : undefined;
    this.#evidence = evidence;
  }

  /** Before the first phase: brings the cluster to where the document begins, where anything ran on it before. */
  async begin(used = this.session.cluster.reused): Promise<void> {
    if (used) await this.#reset();
    this.#before = await ownSnapshot(this.kube, this.session);
  }

  /** The world of a pass, as far as it has come. */
  world(name: PassName): World {
    return this.pass(name).world;
  }

  pass(name: PassName): Pass {
    const known = this.#passes.get(name);
    if (known !== undefined) return known;
    const world = new World(this.session, this.#meshOf(name));
    if (this.#before !== undefined) world.before.set(this.#before);
    if (name === 'old proxy' || name === 'fresh proxy') this.#labelByRevision(world);
    // Once the entry is there, nobody can ask what would become of a connection without it.
    const baseline = this.#passes.get('before')?.world.baselineWay.known();
    if (baseline !== undefined) world.baselineWay.set(baseline);
    const pass = new Pass(world);
    this.#passes.set(name, pass);
    return pass;
  }

  /** From now on what happens belongs to this phase. */
  enter(phase: Phase): void {
    this.traffic?.phase(phase.title);
  }

  /** What is known so far beside the steps' own results. */
  known(): Pick<GateResults, 'traffic' | 'drain' | 'comparisons' | 'mesh'> {
    const { account, drain, comparisons, mesh } = this;
    return {
      comparisons: [...comparisons],
      mesh,
      ...(account === undefined ? {} : { traffic: account }),
      ...(drain === undefined ? {} : { drain }),
    };
  }

  /**
   * Runs a step of a phase, judges it and fills in its record; collects evidence of a failure. Never rejects.
   * @returns the error of a step that failed, for its test to throw
   */
  async take(phase: Phase, step: Step, record: StepRecord): Promise<unknown> {
    const [broken] = phase.needs.flatMap((need) => this.#broken.get(need) ?? []);
    const because = this.#over ?? (broken === undefined ? undefined : `because ${broken} failed`);
    let error: unknown;
    if (because === undefined) error = await this.pass(phase.pass).take(step, record);
    else skip(record, because);
    // Of a gate that failed: as the first failure found it, not as its end left it.
    if (step.section === 'upgrade' && this.#broken.size === 0) {
      // What cannot be asked any more stays as it was last known.
      this.mesh = await meshState(this.kube).catch(() => this.mesh);
    }
    if (record.status !== 'passed' && !this.#broken.has(phase.id)) {
      this.#broken.set(phase.id, broken ?? `${step.id} (${phase.title})`);
    }
    if (record.status === 'failed') {
      await this.#evidence?.of(record, this.world(phase.pass));
      if (this.session.configuration.failFast) {
        this.#over ??= `because ${step.id} (${phase.title}) failed (--fail-fast)`;
      }
    }
    this.#records.set(phase.pass, [...(this.#records.get(phase.pass) ?? []), record]);
    return error;
  }

  /** Writes down what the sidecar of a pass holds and logs, and how the pass's steps came out so far. */
  async observe(name: PassName, title: string): Promise<Observation> {
    const world = this.world(name);
    const proxy = { ...world.proxy(), host: entryHost(world) };
    const { images, config, accessLogFormat } = await observeSidecar(this.kube, world.meshClient(), proxy);
    const observation: Observation = {
      phase: title,
      versions: { ...world.versions },
      images,
      accessLog: { format: accessLogFormat, line: world.meshTrip.get().sidecar?.[0]?.line ?? '' },
      config,
      steps: (this.#records.get(name) ?? [])
        .filter(isJudged)
        .map(({ id, title, status, durationMs, findings }) => ({
          ...{ id, title, status, durationMs },
          reason: findings[0]?.cause ?? '',
        })),
    };
    this.observations.set(name, observation);
    return observation;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.watch?.[Symbol.asyncDispose]();
    await this.traffic?.[Symbol.asyncDispose]();
    for (const { world } of this.#passes.values()) await world[Symbol.asyncDispose]();
    this.#passes.clear();
  }

  #meshOf(name: PassName): Mesh {
    const { from, to, revision } = this;
    const mesh = { revision: undefined, system: istioSystem, install: undefined };
    switch (name) {
      case 'before':
        return { ...mesh, istio: from.istio, sidecar: sidecarOfSet(from), install: from };
      case 'rolled back':
        return { ...mesh, istio: from.istio, sidecar: sidecarOfSet(from) };
      case 'old proxy':
        return { ...mesh, istio: to.istio, sidecar: sidecarOfSet(from), revision };
      case 'upgrade':
      case 'fresh proxy':
        return { ...mesh, istio: to.istio, sidecar: sidecarOfSet(to), revision };
    }
  }

  /** With a revision the namespace names it, where the document's reader has istio-injection=enabled. */
  #labelByRevision(world: World): void {
    const { revision } = this;
    if (revision === undefined) return;
    world.fixtures.alter('document/default-namespace.yaml', (text) =>
      text.replace('istio-injection: enabled', `istio.io/rev: ${revision}`),
    );
  }

  /** Brings a used cluster back to where a gate begins: without Istio, whatever the gate before left in it. */
  async #reset(): Promise<void> {
    const { kube, session } = this;
    await remove(kube, [namespaceObject(trafficNamespace)]);
    await removeManifests(kube, session.given);
    await resetDocument(kube, session);
    await labelNamespace(kube, session.namespaces.mesh, { 'istio-injection': null, 'istio.io/rev': null });
    await uninstallIstio(session.cluster, this.to, 'everything');
    await remove(kube, [namespaceObject(istioSystem)]);
  }
}
