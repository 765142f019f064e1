import { editionOf } from '../../fixtures/document/editions.ts';
import type { Edition } from '../../helpers/document/edition.ts';
import type { Snapshot } from '../../helpers/kube/snapshot.ts';
import { labelNamespace, remove } from '../../helpers/kube/apply.ts';
import { uninstallIstio } from '../../helpers/istio/install.ts';
import { connect, type Kube } from '../../helpers/kube/client.ts';
import type { GivenProblem } from '../../helpers/given/given.ts';
import type { DrainWatch } from '../../helpers/gate/drain-watch.ts';
import { observeSidecar } from '../../helpers/gate/observation.ts';
import {
  notFound,
  type Comparison,
  type Drain,
  type GateKnown,
  type GatePlan,
  type Observation,
} from '../../helpers/results/gate.ts';
import { isJudged, type StepRecord } from '../../helpers/results/step.ts';
import type { ImageSet } from '../../helpers/images/roles.ts';
import { injectionLabels, istioSystem, revisionOf, type Revision } from '../../helpers/istio/revision.ts';
import type { SessionFacts } from '../../helpers/session/session.ts';
import type { TrafficAccount } from '../../helpers/traffic/account.ts';
import { trafficNamespace, type Traffic } from '../../helpers/traffic/traffic.ts';
import { removeManifests } from '../document/apply-manifests.ts';
import { Fixtures } from '../document/fixtures.ts';
import { entryOf } from '../document/service-entry.ts';
import { resetDocument, snapshotIn } from '../document/prepare.ts';
import type { Step } from '../document/step.ts';
import { foundMesh, sidecarOfSet, World, type Mesh } from '../document/world.ts';
import type { Evidence } from '../evidence.ts';
import { Pass, skip } from '../pass.ts';
import { askedHand, type Hand } from './hand.ts';
import { meshState } from './mesh-state.ts';
import { TheirClient } from './their-client.ts';
import { namespaceObject } from '../../helpers/kube/manifests.ts';

/** Passes over the document in a gate; the phases of one pass share its world. */
export type PassName = OwnPass | ClientPass;
type OwnPass = 'before' | 'upgrade' | 'old proxy' | 'fresh proxy' | 'rolled back';
/** From the user's own workload. */
export type ClientPass = (typeof clientPasses)[number];
const clientPasses = ['client before', 'client after', 'client at the end'] as const;

function isClients(name: PassName): name is ClientPass {
  return (clientPasses as readonly string[]).includes(name);
}

/** A part of the gate, which reports call by name. */
export interface Phase {
  /** Stable, for the report: `document-old-proxy`. */
  readonly id: string;
  readonly title: string;
  readonly pass: PassName;
  readonly steps: readonly Step[];
  /** Phases all of whose steps must have passed: without them this one would say nothing. */
  readonly needs: readonly string[];
}

export interface GateOptions {
  readonly evidence?: Evidence;
  /** By default the process that runs the gate is asked for it. */
  readonly hand?: Hand;
}

/** A mesh on its way from one version of Istio to another, and everything that is learnt on it. */
export class Gate implements AsyncDisposable {
  /** Its client is the suite's own. */
  readonly session: SessionFacts;
  /** The user's workload that the document is judged from as well. */
  readonly client: TheirClient | undefined;
  readonly plan: GatePlan;
  readonly edition: Edition;
  readonly kube: Kube;
  /** The mesh before the upgrade, with sidecars of its version. */
  readonly before: Mesh;
  /** The mesh after it, with sidecars of its version; in a user's mesh not known before the upgrade has been found. */
  after: Mesh;
  strategy: GatePlan['strategy'];
  /** Namespace of the live traffic. */
  readonly trafficNamespace: string;
  /** Does what a user's own upgrade is made of. */
  readonly hand: Hand;
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

  constructor(
    session: SessionFacts,
    plan: GatePlan,
    { evidence, hand = askedHand(session.runId) }: GateOptions = {},
  ) {
    const { existing, configuration } = session;
    this.session =
      existing === undefined
        ? session
        : {
            ...session,
            existing: { ...existing, client: undefined },
            configuration: { ...configuration, client: undefined },
          };
    this.edition = editionOf(session.configuration);
    this.fixtures = new Fixtures(this.edition);
    this.plan = plan;
    this.kube = connect(session.cluster.kubeconfig, existing?.dress);
    this.client =
      existing?.client === undefined ? undefined : new TheirClient(this.kube, session, existing.client);
    this.strategy = plan.strategy;
    this.hand = hand;
    const found = existing?.istio;
    if (found === undefined) {
      const { from, to } = setsOf(session);
      const own = { system: istioSystem, root: istioSystem };
      const mesh = { ...own, revision: undefined, install: undefined, injection: undefined };
      this.before = { ...mesh, istio: from.istio, sidecar: sidecarOfSet(from) };
      const revision = plan.strategy === 'canary' ? revisionOf(to.istio) : undefined;
      const injection = revision === undefined ? undefined : { 'istio.io/rev': revision };
      this.after = { ...mesh, istio: to.istio, sidecar: sidecarOfSet(to), revision, injection };
      this.trafficNamespace = trafficNamespace;
    } else {
      this.before = foundMesh(found);
      this.after = this.before;
      // Where the suite's own entry is seen; others of the mesh do not see it.
      this.trafficNamespace = session.namespaces.mesh;
    }
    this.#evidence = evidence;
  }

  /** Before the first phase: brings the cluster to where the document begins, where anything ran on it before. */
  async begin(used = this.session.cluster.reused): Promise<void> {
    if (used) await this.#reset();
    this.#before = await snapshotIn(this.kube, this.session);
  }

  /** The world of a pass, as far as it has come. */
  world(name: PassName): World {
    return this.pass(name).world;
  }

  pass(name: PassName): Pass {
    const known = this.#passes.get(name);
    if (known !== undefined) return known;
    const session = isClients(name) ? this.client?.session : this.session;
    const world = new World(session ?? this.session, this.#meshOf(name));
    if (this.#before !== undefined) world.before.set(this.#before);
    const first = this.#passes.get(isClients(name) ? 'client before' : 'before');
    if (first !== undefined) world.follow(first.world);
    const pass = new Pass(world);
    this.#passes.set(name, pass);
    return pass;
  }

  /** From now on no step is judged. */
  stop(because: string): void {
    this.#over ??= because;
  }

  /** From now on what happens belongs to this phase. */
  enter(phase: Phase): void {
    this.traffic?.phase(phase.title);
  }

  /** Versions before and after the upgrade, as far as they are known. */
  pair(): { readonly from: string; readonly to: string } {
    const found = this.session.existing === undefined || this.after !== this.before;
    return {
      from: this.before.istio ?? notFound,
      to: (found ? this.after.istio : undefined) ?? this.plan.to,
    };
  }

  /** What is known so far beside the steps' own results. */
  known(): GateKnown {
    const { account, drain, comparisons, mesh, strategy } = this;
    return {
      ...this.pair(),
      strategy,
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
      this.mesh = await meshState(this.kube, this.session).catch(() => this.mesh);
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
    const proxy = { ...world.proxy(), host: entryOf(world).host };
    const { images, config, limits, accessLogFormat } = await observeSidecar(
      this.kube,
      world.meshClient(),
      proxy,
    );
    const observation: Observation = {
      phase: title,
      versions: { ...world.versions },
      images,
      accessLog: { format: accessLogFormat, line: world.meshTrip.get().sidecar?.[0]?.line ?? '' },
      config,
      limits: [...(world.limits.known() ?? []), ...limits],
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
    await this.client?.[Symbol.asyncDispose]();
  }

  #meshOf(name: PassName): Mesh {
    const { before, after, session, plan } = this;
    const own = session.existing === undefined;
    switch (name) {
      case 'before':
        return own ? { ...before, install: session.images } : before;
      case 'client before':
      case 'rolled back':
        return before;
      case 'client after':
      case 'old proxy':
        return { ...after, sidecar: before.sidecar, injection: own ? after.injection : before.injection };
      case 'client at the end':
        return plan.rollback ? before : after;
      case 'upgrade':
      case 'fresh proxy':
        return after;
    }
  }

  /** Brings a used cluster back to where a gate begins: without Istio, whatever the gate before left in it. */
  async #reset(): Promise<void> {
    const { kube, session } = this;
    await remove(kube, [namespaceObject(trafficNamespace)]);
    await removeManifests(kube, session.given);
    await resetDocument(kube, session);
    await labelNamespace(kube, session.namespaces.mesh, { 'istio-injection': null, 'istio.io/rev': null });
    await uninstallIstio(session.cluster, setsOf(session).to, 'everything');
    await remove(kube, [namespaceObject(istioSystem)]);
  }
}

/** The images of a gate on a mesh of the suite's own: of the version that it comes from, and of the one that it goes to. */
export function setsOf({ images: from, others: [to] }: SessionFacts): {
  readonly from: ImageSet;
  readonly to: ImageSet;
} {
  if (to === undefined) throw new TypeError('a gate needs the images of two versions');
  return { from, to };
}
