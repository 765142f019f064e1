import type { V1Pod } from '@kubernetes/client-node';
import { editionOf } from '../../fixtures/document/editions.ts';
import type { Edition } from '../../helpers/document/edition.ts';
import { connect, type Kube } from '../../helpers/kube/client.ts';
import type { PodRef } from '../../helpers/kube/exec.ts';
import type { ClientPod } from '../../helpers/existing/client-pod.ts';
import { secretsIn } from '../../helpers/given/given.ts';
import type { ImageSet } from '../../helpers/images/roles.ts';
import type { FoundIstio } from '../../helpers/existing/found-istio.ts';
import { istioSystem, type Revision } from '../../helpers/istio/revision.ts';
import type { SidecarPod } from '../../helpers/istio/sidecar.ts';
import type { Way } from '../../helpers/istio/way.ts';
import type { ObservedLimit } from '../../helpers/results/gate.ts';
import type { StepRecord } from '../../helpers/results/step.ts';
import type { Snapshot } from '../../helpers/kube/snapshot.ts';
import type { Namespaces } from '../../helpers/kube/manifests.ts';
import { keepSecret } from '../../helpers/redact/redact.ts';
import { keepSecretsOf } from '../../helpers/session/proxy.ts';
import type { SessionFacts } from '../../helpers/session/session.ts';
import type { Endpoint } from '../../helpers/trip/endpoint.ts';
import type { Trip } from '../../helpers/trip/statements.ts';
import { Witnesses } from '../../helpers/trip/fetch.ts';
import { Fixtures } from './fixtures.ts';
import { Testimonies } from './testimony.ts';
import type { Carried, Led } from './their-entry.ts';

/** A value that one step establishes and later ones use. */
class Slot<T> {
  readonly #what: string;
  readonly #step: string;
  #value: { readonly is: T } | undefined;

  constructor(what: string, step: string) {
    this.#what = what;
    this.#step = step;
  }

  set(value: T): void {
    this.#value = { is: value };
  }

  known(): T | undefined {
    return this.#value?.is;
  }

  /** @throws Error when the step that gives it did not run: a fault of the step list, not of the mesh */
  get(): T {
    if (this.#value === undefined) throw new Error(`${this.#what} is not known: ${this.#step} did not run`);
    return this.#value.is;
  }
}

/** The Istio that the steps of a pass install, or find installed. */
export interface Mesh {
  /** Version of its control plane, e.g. `1.29.1`; undefined when unknown. */
  readonly istio: string | undefined;
  readonly revision: Revision;
  /** Namespace of its control plane. */
  readonly system: string;
  /** Namespace whose configuration is for the whole mesh. */
  readonly root: string;
  /** What BEFORE-1 installs; undefined in an existing mesh, at which BEFORE-1 only looks. */
  readonly install: ImageSet | undefined;
  /** The client's sidecar: of an earlier version where its pod was not restarted after an upgrade. */
  readonly sidecar: SidecarOfMesh;
  /** Labels of a namespace that its injector heeds; undefined: the document's. */
  readonly injection: Readonly<Record<string, string>> | undefined;
}

export interface SidecarOfMesh {
  readonly istio: string | undefined;
  /** Its image; undefined in an existing mesh, whose owner may mirror or patch it. */
  readonly image: string | undefined;
}

/** The sidecar that a set's injector adds. */
export function sidecarOfSet({ istio, images }: ImageSet): SidecarOfMesh {
  return { istio, image: images.proxyv2.reference };
}

/** The default revision of the session's Istio, which BEFORE-1 installs, or the Istio that was found. */
function meshOf({ images, existing }: SessionFacts): Mesh {
  const found = existing?.istio;
  if (found === undefined) {
    const { istio } = images;
    const sidecar = sidecarOfSet(images);
    const mesh = { revision: undefined, system: istioSystem, root: istioSystem, injection: undefined };
    return { ...mesh, istio, install: images, sidecar };
  }
  return foundMesh(found);
}

/** The Istio of an existing cluster. */
export function foundMesh({ version, revision, namespace, root, injection }: FoundIstio): Mesh {
  const sidecar = { istio: version, image: undefined };
  return { istio: version, revision, system: namespace, root, install: undefined, sidecar, injection };
}

/** What the steps of one pass over the document share. */
export class World implements AsyncDisposable {
  readonly session: SessionFacts;
  readonly mesh: Mesh;
  readonly kube: Kube;
  readonly witnesses: Witnesses;
  readonly edition: Edition;
  readonly namespaces: Namespaces;
  readonly fixtures: Fixtures;
  /** Folder where the reader of the document would stand: `./proxy.conf` is written here. */
  readonly folder: string;
  readonly versions: Record<string, string> = {};

  readonly before = new Slot<Snapshot>('the snapshot', 'the set-up');
  readonly sourcePod = new Slot<string>('SOURCE_POD', 'BEFORE-3');
  readonly squidPod = new Slot<V1Pod>('the Squid pod', 'PROXY-4');
  readonly externalPod = new Slot<string>('the client outside the mesh', 'PROXY-5');
  readonly proxyIp = new Slot<string>('PROXY_IP', 'PROXY-6');
  readonly proxyPort = new Slot<number>('PROXY_PORT', 'PROXY-7');
  /** All addresses of the proxy, the first of which is PROXY_IP. */
  readonly proxyIps = new Slot<readonly string[]>("the proxy's addresses", 'PROXY-6 or REACH-1');
  readonly baselineTrip = new Slot<Trip>('the baseline request', 'PROXY-8');
  /** The mesh's own ServiceEntries for the proxy, by its addresses; none where the document's is applied. */
  readonly theirEntries = new Slot<readonly Led[]>("the mesh's entries for the proxy", 'CONTROL-1 or MESH-1');
  /** As the pass before an upgrade judged them; none where the document's was applied, or nothing was before. */
  entriesBefore: readonly Led[] = [];
  /** What the mesh does with the document's request without the ServiceEntry. */
  readonly baselineWay = new Slot<Way>('the way without the entry', 'CONTROL-1 or MESH-1');
  /** Whether the mesh has a cluster of the entry's name without the entry: by one of the same host for another address. */
  readonly clusterOfOthers = new Slot<boolean>(
    "the mesh's cluster of the entry's name",
    'CONTROL-1 or MESH-1',
  );
  /** By address of the proxy, how the mesh's own objects lead there; the document's way is not in it. */
  readonly carried = new Map<string, Carried>();
  /** What limits connections to the proxy in the client's sidecar. */
  readonly limits = new Slot<readonly ObservedLimit[]>('the limits of the sidecar', 'MESH-1');
  readonly meshTrip = new Slot<Trip>('the request from the mesh', 'MESH-2');

  /** The user's pod that requests are sent from (`--client`), which a gate finds anew; undefined for the suite's own client. */
  givenClient: ClientPod | undefined;
  /** In an earlier pass of a gate this client was led to the proxy: where it is not now, the upgrade did it. */
  wasLed = false;

  /** The current step's. */
  #record: Pick<StepRecord, 'facts' | 'trips'> = { facts: {}, trips: [] };

  /** @param mesh By default the default revision of the session's Istio, which BEFORE-1 installs, or the one found */
  constructor(session: SessionFacts, mesh?: Mesh) {
    this.session = session;
    this.namespaces = session.namespaces;
    this.edition = editionOf(session.configuration);
    this.fixtures = new Fixtures(this.edition, session.namespaces);
    this.mesh = mesh ?? meshOf(session);
    this.folder = session.folder;
    this.kube = connect(session.cluster.kubeconfig, session.existing?.dress);
    // This may be another thread than the one that opened the session.
    keepSecretsOf(session.proxy);
    keepSecret(secretsIn(session.given));
    this.witnesses = new Witnesses(this.kube, session.destination, session.proxy);
    // The suite's own mesh has Istio's default format, or BEFORE-1 fails.
    if (session.existing?.istio !== undefined) {
      const { mesh } = session.namespaces;
      const testimonies = new Testimonies(this.kube, mesh, session.existing.dress.labels);
      this.witnesses.testimonyOf = (client, via) => testimonies.of(client, via);
    }
    this.witnesses.othersCluster = session.existing !== undefined;
    this.givenClient = session.existing?.client;
    this.witnesses.isUsersPod = ({ namespace, pod }) =>
      namespace === this.givenClient?.namespace && pod === this.givenClient.pod;
  }

  /**
   * Goes on from an earlier pass of a gate. Once the entry is there, nobody can ask what would become of a connection
   * without it; and while its control plane is changed, the sidecar may not show which entries are the mesh's own.
   */
  follow({ meshTrip, baselineWay, theirEntries }: World): void {
    this.wasLed = meshTrip.known() !== undefined;
    const way = baselineWay.known();
    const entries = theirEntries.known();
    if (way !== undefined) this.baselineWay.set(way);
    if (entries === undefined) return;
    this.theirEntries.set(entries);
    this.entriesBefore = entries;
  }

  proxy(): Endpoint {
    return { ip: this.proxyIp.get(), port: this.proxyPort.get() };
  }

  get clientNamespace(): string {
    return this.givenClient?.namespace ?? this.namespaces.mesh;
  }

  /** Labels of the client's pod, by which Istio's objects choose it. */
  get clientLabels(): Readonly<Record<string, string>> {
    return this.givenClient?.labels ?? { app: this.edition.client };
  }

  /** The pod of the client in the mesh: SOURCE_POD. */
  clientPod(): SidecarPod {
    return { namespace: this.clientNamespace, pod: this.sourcePod.get() };
  }

  meshClient(): PodRef {
    return { ...this.clientPod(), container: this.givenClient?.container ?? this.edition.client };
  }

  outsideClient(): PodRef {
    const { namespaces, externalPod, edition } = this;
    return { namespace: namespaces.external, pod: externalPod.get(), container: edition.client };
  }

  squid(): PodRef {
    const pod = this.squidPod.get().metadata?.name ?? '';
    return { namespace: this.namespaces.external, pod, container: this.edition.proxy.app };
  }

  /** From now on facts and trips go into this step's record. */
  begin(record: StepRecord): void {
    this.#record = record;
  }

  note(name: string, value: string): void {
    this.#record.facts[name] = value;
  }

  evidence(trip: Trip): Trip {
    this.#record.trips.push(trip);
    if (trip.counters !== undefined) this.note('sidecar', `counters, no log line: ${trip.counters}`);
    return trip;
  }

  trips(): readonly Trip[] {
    return this.#record.trips;
  }

  firstTrip(): Trip | undefined {
    return this.#record.trips[0];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.witnesses[Symbol.asyncDispose]();
  }
}
