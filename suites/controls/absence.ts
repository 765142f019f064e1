import type { KubernetesObject } from '@kubernetes/client-node';
import type { Taker } from '../../helpers/istio/taker.ts';
import { apply, remove } from '../../helpers/kube/apply.ts';
import { applyServiceEntry } from '../document/3-configure-traffic.ts';
import { entryMustBeForgotten, isOthersMesh, takerMust } from '../document/baseline.ts';
import { clientSidecarIn } from '../document/prepare.ts';
import { ownHost, serviceEntryIn } from '../document/service-entry.ts';
import { sidecarMustTunnel } from '../document/sidecar.ts';
import { judgedEntries } from '../document/judged-entries.ts';
import { sidecarResourceOf } from '../document/missing-entry.ts';
import { nameOf } from '../../helpers/kube/client.ts';
import type { World } from '../document/world.ts';

/** What the suite's own client knows of the mesh, by a Sidecar resource for it alone. */
export interface Scope {
  /** Hosts it imports, `NAMESPACE/HOST`, besides the entry's own. */
  readonly hosts: readonly string[];
  /** Whatever it does not import is blocked, as meshConfig's REGISTRY_ONLY does it, which takes a minute to reach istiod. */
  readonly registryOnly: boolean;
}

const own: Scope = { hosts: ['./*'], registryOnly: false };

/**
 * Does `work` while the ServiceEntry is gone from the sidecar too, and puts it back even when that fails. The document's
 * is deleted; one of the mesh stays, and is hidden from the suite's client.
 */
export async function withoutEntry(world: World, work: () => Promise<void>): Promise<void> {
  await withoutEntryOnce(world, work);
  await sidecarMustTunnel(world);
}

/** The same where it is not known yet whether the sidecar takes the entry as it must: that is not waited for. */
export async function withoutEntryOnce(world: World, work: () => Promise<void>): Promise<void> {
  const theirs = judgedEntries(world).length > 0;
  await thenAlways(
    async () => {
      if (!theirs) await remove(world.kube, [serviceEntryIn(world)]);
      else await apply(world.kube, [clientSidecar(world, own, false)]);
      await entryMustBeForgotten(world);
      await work();
    },
    async () => {
      if (!theirs) await applyServiceEntry(world);
      else await remove(world.kube, [clientSidecarIn(world.namespaces.mesh)]);
    },
  );
}

/** Within `withoutEntry`: does `work` while the client knows this of the mesh, the entry not included. */
export async function withScope(world: World, scope: Scope, work: () => Promise<void>): Promise<void> {
  await thenAlways(
    async () => {
      await apply(world.kube, [clientSidecar(world, scope, judgedEntries(world).length === 0)]);
      await work();
    },
    async () => {
      if (judgedEntries(world).length === 0)
        await remove(world.kube, [clientSidecarIn(world.namespaces.mesh)]);
      else await apply(world.kube, [clientSidecar(world, own, false)]);
    },
  );
}

/**
 * Within `withoutEntry`: does `work` where an HTTP listener of the port can be. Istio has one listener of a port for every
 * address, the older object's: where another TCP one is in the way, it is hidden from the suite's client. So is a Sidecar
 * resource that says what is spoken on the port, whatever the objects on it say.
 */
export async function withRoomForHttp(world: World, work: () => Promise<void>): Promise<void> {
  const baseline = isOthersMesh(world) ? world.baselineWay.get() : undefined;
  const isFree = ({ reach, handling }: Taker): boolean => reach === 'rest' || handling.kind === 'http';
  const resource = baseline === undefined ? undefined : await sidecarResourceOf(world);
  const saysPort = resource?.spec?.egress?.some(({ port }) => port?.number === world.proxyPort.get());
  const saying = resource !== undefined && saysPort === true ? [nameOf(resource)] : [];
  if (baseline === undefined || (isFree(baseline.taker) && saying.length === 0)) {
    await work();
    return;
  }
  world.note('hidden from the client', [...saying, ...baseline.makers.destinations].join(', '));
  await withScope(world, own, async () => {
    await takerMust(world, 'have no TCP listener on the port', isFree);
    await work();
  });
}

/** Within `withoutEntry`: does `work` while the entry is there again; how it is there otherwise, `scope` says. */
export async function withEntryAgain(
  world: World,
  work: () => Promise<void>,
  scope: Scope = own,
): Promise<void> {
  const theirs = judgedEntries(world).length > 0;
  if (theirs) await apply(world.kube, [clientSidecar(world, scope, true)]);
  else await applyServiceEntry(world);
  await sidecarMustTunnel(world);
  await work();
  if (theirs) await apply(world.kube, [clientSidecar(world, scope, false)]);
  else await remove(world.kube, [serviceEntryIn(world)]);
}

/** Does `work` while the objects are there, and removes them even when that fails. */
export async function withObjects(
  world: World,
  objects: readonly KubernetesObject[],
  work: () => Promise<void>,
): Promise<void> {
  await thenAlways(
    async () => {
      await apply(world.kube, objects);
      await work();
    },
    () => remove(world.kube, objects),
  );
}

function clientSidecar(world: World, { hosts, registryOnly }: Scope, withEntry: boolean): KubernetesObject {
  const { edition, namespaces } = world;
  const theirs = judgedEntries(world).map(({ claimant: { entry, host } }) => [
    entry.metadata?.namespace ?? '',
    host,
  ]);
  const entries = theirs.length > 0 ? theirs : [['.', ownHost(world)]];
  const missing = entries.flatMap(([namespace, host]) =>
    hosts.includes(`${namespace}/*`) ? [] : [`${namespace}/${host}`],
  );
  const imported = withEntry ? [...hosts, ...missing] : hosts;
  const spec = {
    workloadSelector: { labels: { app: edition.client } },
    // `~/*` stands for nothing at all.
    egress: [{ hosts: imported.length === 0 ? ['~/*'] : imported }],
    ...(registryOnly ? { outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' } } : {}),
  };
  return Object.assign(clientSidecarIn(namespaces.mesh), { spec });
}

/** As `finally`, but when both fail the error of `work` is thrown. */
async function thenAlways(work: () => Promise<void>, restore: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    await restore().catch(() => undefined);
    throw error;
  }
  await restore();
}
