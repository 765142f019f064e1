import type { KubernetesObject } from '@kubernetes/client-node';
import { expect } from 'vitest';
import type { Edition } from '../../helpers/document/edition.ts';
import { influencing } from '../../helpers/istio/influences.ts';
import { claimantsOf, visibleTo } from '../../helpers/istio/taker-makers.ts';
import { clusters, listeners } from '../../helpers/istio/sidecar.ts';
import { nameOf } from '../../helpers/kube/client.ts';
import { isOthersMesh } from './baseline.ts';
import { fail } from './must.ts';
import { entriesOf, isServiceEntryOfTheDocument } from './service-entry.ts';
import { inSection, type Step } from './step.ts';
import type { World } from './world.ts';

interface Exported {
  readonly hosts?: readonly string[];
  readonly exportTo?: readonly string[];
}

export const understandingWhatHappened = ({ claims }: Edition): readonly Step[] =>
  inSection('understanding-what-happened', {
    'WHY-1': {
      title:
        'Nothing in the mesh knows wikipedia.org, nor the proxy but for the entry, and the request needed nothing',
      claims: claims.noEntryForTheDestination,
      needs: ['MESH-2'],
      run: async (world) => {
        const { kube } = world;
        const pod = world.clientPod();
        const [objects, held, known] = await Promise.all([
          influencing(kube, (object) => isServiceEntryOfTheDocument(world, object)),
          listeners(kube, pod),
          clusters(kube, pod),
        ]);
        const host = new URL(world.session.destination.url).hostname;
        // A given proxy may be of the same domain as the page.
        const domain = world.session.proxy.kind === 'deployed' ? host.split('.').slice(-2).join('.') : host;
        const aboutIt = (value: unknown): boolean => JSON.stringify(value).includes(domain);
        // A second entry for the proxy would do the document's work, and hide that the document's own does not.
        const hosts = entriesOf(world).map((entry) => entry.host);
        const ends = [...hosts, ...world.proxyIps.get()].flatMap((name) => [`"${name}"`, `"${name}/`]);
        const aboutProxy = (value: unknown): boolean =>
          ends.some((end) => JSON.stringify(value).includes(end));
        const aboutDestination = [
          ...objects.filter((object) => aboutIt(object) && leads(world, object, known)).map(nameOf),
          ...held.filter(aboutIt).map(({ name }) => `listener ${name}`),
          ...known.filter(({ name }) => aboutIt(name)).map(({ name }) => `cluster ${name}`),
        ];
        const aboutTheProxy = objects
          .filter(
            (object) => aboutProxy(object) && leads(world, object, known) && reachesProxy(world, object),
          )
          .map(nameOf);
        // The destination may be registered for traffic that goes around the proxy; and what a VirtualService or a
        // WorkloadEntry makes of the way to the proxy, MESH-1 judged. This trip's own statements tell where it went.
        const isHarmless = (name: string): boolean =>
          isOthersMesh(world) && !(aboutTheProxy.includes(name) && name.startsWith('ServiceEntry '));
        const all = [...new Set([...aboutDestination, ...aboutTheProxy])];
        const harmless = all.filter(isHarmless);
        if (harmless.length > 0) world.note('the mesh also knows', harmless.join(', '));
        const found = all.filter((name) => !isHarmless(name));
        if (found.length > 0) {
          fail(
            'EXTRA_ENTRY',
            found.join(', '),
            `no object, listener or cluster for ${domain} anywhere, and none but the document's entry for the proxy`,
          );
        }
        const trip = world.evidence(world.meshTrip.get());
        expect(trip).toHaveTitle(world.session.destination.title);
      },
    },
  });

/** Whether an entry is for the proxy itself: in an existing mesh another may have the same host, for another address. */
function reachesProxy(world: World, object: KubernetesObject): boolean {
  if (!isOthersMesh(world) || object.kind !== 'ServiceEntry') return true;
  const port = world.proxyPort.get();
  const hosts = entriesOf(world).map(({ host }) => host);
  return world.proxyIps
    .get()
    .some((ip) =>
      claimantsOf([object], { ip, port }, world.clientNamespace).some(
        ({ by, host: of }) =>
          by === 'address' || by === 'allocated' || (by === 'every address' && hosts.includes(of)),
      ),
    );
}

/**
 * Whether an object can lead the client to what it names. In an existing mesh others allow it, limit it, or are not for
 * this client.
 */
function leads(
  world: World,
  object: KubernetesObject & { readonly spec?: Exported },
  known: readonly { readonly name: string }[],
): boolean {
  if (!isOthersMesh(world)) return true;
  const { kind = '', metadata, spec } = object;
  // An entry that a Sidecar resource hides, or in a namespace that istiod does not look at, has no cluster.
  if (kind === 'ServiceEntry') {
    return spec?.hosts?.some((host) => known.some(({ name }) => name.endsWith(`|${host}`))) === true;
  }
  return (
    ['VirtualService', 'WorkloadEntry'].includes(kind) &&
    visibleTo(world.clientNamespace, spec?.exportTo, metadata?.namespace)
  );
}
