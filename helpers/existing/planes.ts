import type { V1Pod } from '@kubernetes/client-node';
import semver from 'semver';
import type { Kube } from '../kube/client.ts';
import { isReady, livePods } from '../kube/workloads.ts';
import type { Revision } from '../istio/revision.ts';
import { injectorsOf, versionIn, type Injector } from './found-istio.ts';

/** One control plane of an existing mesh, as its pods say. */
export interface Plane {
  /** `default` for the one without a name. */
  readonly revision: string;
  /** e.g. `1.29.1`, by the image's tag; the image where the tag tells none. */
  readonly version: string;
  readonly image: string;
  readonly pods: readonly string[];
  readonly ready: boolean;
}

/** Control planes, and which of them namespaces get their sidecars from. */
export interface Planes {
  readonly planes: readonly Plane[];
  readonly injectors: readonly Injector[];
}

export async function planesOf(kube: Kube, namespace: string): Promise<Planes> {
  const [pods, injectors] = await Promise.all([livePods(kube, namespace, 'app=istiod'), injectorsOf(kube)]);
  const byImage = Map.groupBy(pods, (pod) => `${revisionLabel(pod)} ${imageOf(pod)}`);
  const planes = [...byImage.values()].flatMap(([first, ...more]): Plane[] => {
    if (first === undefined) return [];
    const all = [first, ...more];
    const image = imageOf(first);
    return [
      {
        revision: revisionLabel(first),
        version: versionIn(image.split(':').at(-1) ?? '') ?? image,
        image,
        pods: all.map(({ metadata }) => metadata?.name ?? ''),
        ready: all.every(isReady),
      },
    ];
  });
  return { planes, injectors };
}

/** How a namespace was injected. */
interface Injected {
  readonly revision: Revision;
  readonly injection: FoundUpgrade['injection'] | undefined;
}

/** How a mesh was upgraded. */
export interface FoundUpgrade {
  readonly strategy: 'canary' | 'in-place';
  readonly plane: Plane;
  /** Labels of a namespace that get it sidecars of the new control plane. */
  readonly injection: Readonly<Record<string, string>>;
  /** The control plane of the mesh before is there. */
  readonly oldStays: boolean;
}

/**
 * What became of the mesh, for a namespace that was injected by these labels.
 * @param mesh The control plane that the namespace was injected by before
 * @returns undefined when nothing was upgraded: no control plane of another image for it, whose tag may be of the same release
 */
export function upgradeBetween(
  before: Planes,
  after: Planes,
  { revision = 'default', injection = {} }: Injected,
): FoundUpgrade | undefined {
  const images = (all: Planes): string[] =>
    all.planes.filter((one) => one.revision === revision).map(({ image }) => image);
  const old = images(before);
  const replaced = after.planes.filter((one) => one.revision === revision && !old.includes(one.image));
  const [plane] = newestFirst(replaced);
  if (plane !== undefined) return { strategy: 'in-place', plane, injection, oldStays: true };
  const known = before.planes.map((one) => one.revision);
  const added = after.planes.filter((one) => !known.includes(one.revision));
  // A canary of before counts once the namespace's own labels lead to it.
  const [canary] = [...movedTo(after, injection), ...newestFirst(added)].filter(
    (one) => one.revision !== revision && !old.includes(one.image),
  );
  if (canary === undefined) return undefined;
  return {
    strategy: 'canary',
    plane: canary,
    injection: labelsFor(after.injectors, canary.revision, injection),
    oldStays: images(after).length > 0,
  };
}

/** The labels as they are where they lead to the revision already (a tag was moved), else the revision's own. */
function labelsFor(
  injectors: readonly Injector[],
  revision: string,
  injection: FoundUpgrade['injection'],
): FoundUpgrade['injection'] {
  return chosenBy(injectors, injection)?.revision === revision ? injection : { 'istio.io/rev': revision };
}

/** The control plane that these labels lead to by now: that of a canary which waited for its tag. */
function movedTo({ planes, injectors }: Planes, injection: FoundUpgrade['injection']): Plane[] {
  const chosen = chosenBy(injectors, injection);
  return planes.filter((one) => one.revision === chosen?.revision);
}

function chosenBy(
  injectors: readonly Injector[],
  injection: FoundUpgrade['injection'],
): Injector | undefined {
  const name = injection['istio.io/rev'];
  return injectors.find((one) => (name === undefined ? one.isDefault : one.name === name));
}

function newestFirst(planes: readonly Plane[]): Plane[] {
  const rank = ({ version }: Plane): string => semver.valid(version) ?? '0.0.0';
  return [...planes].sort((one, other) => semver.rcompare(rank(one), rank(other)));
}

/** For people: each control plane, and who is injected by it. */
export function planeLines({ planes, injectors }: Planes): string[] {
  return planes.map(({ revision, image, pods, ready }) => {
    const names = injectors
      .filter((one) => one.revision === revision)
      .map(({ name, isDefault }) => (isDefault ? 'istio-injection=enabled' : `istio.io/rev=${name}`));
    const by = names.length === 0 ? 'no injector' : `injects ${[...new Set(names)].join(', ')}`;
    return `${pods.join(', ')}: revision ${revision}, ${image}, ${ready ? 'ready' : 'not ready'}, ${by}`;
  });
}

function revisionLabel({ metadata }: V1Pod): string {
  return metadata?.labels?.['istio.io/rev'] ?? 'default';
}

function imageOf({ spec }: V1Pod): string {
  return spec?.containers.find(({ name }) => name === 'discovery')?.image ?? '';
}
