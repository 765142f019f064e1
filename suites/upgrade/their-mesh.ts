import type { V1Pod } from '@kubernetes/client-node';
import { injectionsOf, lostInjections, type Injecting } from '../../helpers/existing/injections.ts';
import { releaseOf } from '../../helpers/existing/found-istio.ts';
import { planesOf, planeLines, upgradeBetween, type Planes } from '../../helpers/existing/planes.ts';
import { apply } from '../../helpers/kube/apply.ts';
import { namespaceObject } from '../../helpers/kube/manifests.ts';
import { livePods } from '../../helpers/kube/workloads.ts';
import { notFound } from '../../helpers/results/gate.ts';
import { fail, mustEqual } from '../document/must.ts';
import { labelledFor } from '../document/1-before-you-begin.ts';
import type { Mesh, World } from '../document/world.ts';
import type { Gate } from './gate.ts';
import { mustBeServed, mustServe, noteMesh, versionServing } from './operations.ts';

/** A user's mesh on its way: how it was, and which pods of the suite's were there. */
export class TheirMesh {
  readonly #gate: Gate;
  #before: Planes | undefined;
  #injecting: Injecting | undefined;
  #pods: readonly V1Pod[] = [];
  #oldStays = true;

  constructor(gate: Gate) {
    this.#gate = gate;
  }

  /** Remembers what is there before the upgrade. */
  async look(world: World): Promise<void> {
    const { kube, before } = this.#gate;
    const found = await planesOf(kube, before.system);
    this.#before = found;
    this.#injecting = { injections: await injectionsOf(kube), planes: found.planes };
    for (const [index, line] of planeLines(found).entries()) world.note(`mesh ${index + 1}`, line);
    await mustServe(this.#gate, world, before);
  }

  /** Remembers whom nobody may restart. */
  async begin(): Promise<void> {
    this.#pods = await ownPods(this.#gate);
  }

  /** Finds out whether it was a canary or in place, and waits until the new control plane serves. */
  async findUpgrade(world: World): Promise<void> {
    const gate = this.#gate;
    const { kube, before, plan } = gate;
    const old = this.#before;
    if (old === undefined) throw new TypeError('the mesh was not looked at before the upgrade');
    const after = await planesOf(kube, before.system);
    const found = upgradeBetween(old, after, before);
    if (found === undefined) {
      await noteMesh(gate, world);
      fail(
        'NOTHING_UPGRADED',
        `the control planes are those from before: ${planeLines(after).join('; ')}`,
        'a new version in the place of the old one, a new revision of another version, or the namespace’s own label led to one that was there',
      );
    }
    const { strategy, plane } = found;
    gate.strategy = strategy;
    const revision = plane.revision === 'default' ? undefined : plane.revision;
    world.note('found', `${strategy}, revision ${plane.revision}`);
    try {
      // Its image may have a digest, or a tag of the company's, that tells no version.
      const istio = await versionServing(gate, { revision, system: before.system });
      // Only now is each pod of the old version gone that was replaced.
      const settled = upgradeBetween(old, await planesOf(kube, before.system), before) ?? found;
      this.#oldStays = settled.oldStays;
      gate.after = {
        ...before,
        istio,
        revision,
        sidecar: { istio, image: undefined },
        injection: settled.injection,
      };
      world.note('istiod', istio);
    } catch (error) {
      await noteMesh(gate, world);
      throw error;
    }
    const { istio = '' } = gate.after;
    if (plan.to !== notFound && plan.to !== istio)
      mustEqual('UPGRADE_FAILED', 'the new version', releaseOf(istio), plan.to);
  }

  /** Nobody restarted the suite's pods, and each is served by the control plane of its own revision. */
  async sidecarsMustHold(world: World): Promise<void> {
    const gate = this.#gate;
    const { strategy, before, after } = gate;
    await podsMustBeTheSame(gate, this.#pods);
    if (!this.#oldStays) {
      await noteMesh(gate, world);
      fail(
        'OLD_REVISION_REMOVED',
        `no control plane of revision ${before.revision ?? 'default'} is left, and sidecars that nobody restarted belong to it`,
        'it stays until every pod was restarted under the new revision',
      );
    }
    const mesh = strategy === 'canary' ? before : after;
    for (const { metadata } of await ownPods(gate)) {
      const proxy = `${metadata?.name ?? ''}.${metadata?.namespace ?? ''}`;
      await mustBeServed(gate, proxy, mesh);
      world.note(proxy, `served by revision ${mesh.revision ?? 'default'}, ${mesh.istio ?? ''}`);
    }
  }

  /** The suite's own namespace is one of many: others have other labels, tags among them, and their pods start again some day. */
  async injectorsMustHold(world: World): Promise<void> {
    const { kube, before } = this.#gate;
    const had = this.#injecting;
    if (had === undefined) throw new TypeError('the mesh was not looked at before the upgrade');
    const [injections, { planes }] = await Promise.all([injectionsOf(kube), planesOf(kube, before.system)]);
    const lost = lostInjections(had, { injections, planes });
    if (lost.length > 0) {
      fail('INJECTOR_GONE', lost.join('; '), 'an injector for every pod that had one before the upgrade');
    }
    const all = had.injections.injections.filter(({ pods }) => pods === 'all');
    world.note('namespaces', `${new Set(all.map(({ namespace }) => namespace)).size}`);
  }

  /** The suite's own namespace gets the labels that lead to the mesh's injector; where they do already, they stay. */
  async goOver(world: World, mesh: Mesh): Promise<void> {
    const { kube, session } = this.#gate;
    const { injection, revision } = mesh;
    // Applied as BEFORE-2 does, so that a prepared namespace loses them when the run ends.
    await apply(kube, [labelledFor(mesh, namespaceObject(session.namespaces.mesh))]);
    const told = Object.entries(injection ?? {}).map(([name, value]) => `${name}=${value}`);
    world.note('labels', `${told.join(', ')}: revision ${revision ?? 'default'}`);
  }
}

/** The pods with a sidecar that nobody may restart during an upgrade: the client's, and those of the live traffic. */
async function ownPods({ kube, edition, session, trafficNamespace }: Gate): Promise<readonly V1Pod[]> {
  const lists = await Promise.all([
    livePods(kube, session.namespaces.mesh, `app=${edition.client}`),
    livePods(kube, trafficNamespace, 'traffic=live'),
  ]);
  return lists.flat();
}

async function podsMustBeTheSame(gate: Gate, before: readonly V1Pod[]): Promise<void> {
  const now = await ownPods(gate);
  const names = (pods: readonly V1Pod[]): string[] => pods.map(({ metadata }) => metadata?.name ?? '').sort();
  const uids = new Set(now.map(({ metadata }) => metadata?.uid));
  const gone = before.filter(({ metadata }) => !uids.has(metadata?.uid));
  if (gone.length === 0) return;
  fail(
    'PODS_RESTARTED',
    `gone: ${names(gone).join(', ')}; there now: ${names(now).join(', ')}`,
    'the same pods as before: an upgrade of the control plane restarts nobody',
  );
}
