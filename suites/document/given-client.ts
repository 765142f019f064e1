import { EnvironmentError } from '../../helpers/errors.ts';
import { proxyVersions, sidecarOf } from '../../helpers/istio/sidecar.ts';
import {
  claimantsOf,
  importsHost,
  sidecarResourceFor,
  visibleTo,
  type ServiceEntry,
  type SidecarResource,
} from '../../helpers/istio/taker-makers.ts';
import { apply } from '../../helpers/kube/apply.ts';
import { nameOf } from '../../helpers/kube/client.ts';
import { namespaceObject } from '../../helpers/kube/manifests.ts';
import type { RunPlan } from '../../helpers/session/proxy.ts';
import { formatEndpoint } from '../../helpers/trip/endpoint.ts';
import { baselineOf } from './baseline.ts';
import { fail } from './must.ts';
import { sourcePod } from './others.ts';
import { ownHost } from './service-entry.ts';
import { inSection, isDeployed } from './step.ts';
import type { World } from './world.ts';

/** For steps about the client that the suite starts. */
export function isOwnClient({ configuration: { client } }: RunPlan): boolean {
  return client === undefined;
}

/** In place of the steps that start the document's client. */
export const findGivenClient = inSection('before-you-begin', [
  {
    id: 'CLIENT-1',
    title: 'Your pod is there, ready, and has a sidecar: it is the client',
    needs: ['BEFORE-1'],
    when: (plan) => !isOwnClient(plan),
    run: async (world) => {
      const { kube, givenClient, mesh } = world;
      if (givenClient === undefined) throw new TypeError('a step about --client ran without one');
      const { namespace, pod: name } = givenClient;
      const pod = await sourcePod(world);
      const sidecar = pod === undefined ? undefined : sidecarOf(pod);
      if (pod?.metadata?.uid !== givenClient.uid || sidecar === undefined) throw replaced(namespace, name);
      const versions = await proxyVersions(kube, { namespace, pod: name });
      world.versions['istio-proxy'] = versions.istio;
      world.versions['envoy'] = versions.envoy;
      world.note('client', givenClient.told);
      world.note('sidecar', `${sidecar.kind}, ${sidecar.image}`);
      const differs = mesh.istio !== undefined && mesh.istio !== versions.istio;
      world.note('istio-proxy', differs ? `${versions.istio}, and istiod is ${mesh.istio}` : versions.istio);
      world.note('Envoy', versions.envoy);
      world.sourcePod.set(name);
      // Istio looks only at namespaces that are labelled as its discovery selectors ask; the entry will be in this one.
      if (isDeployed(world.session)) await apply(kube, [namespaceObject(world.namespaces.mesh)]);
    },
  },
]);

function replaced(namespace: string, pod: string): EnvironmentError {
  return new EnvironmentError(
    `Pod ${namespace}/${pod}, from which requests were to be sent, is not there any more`,
    'It was replaced meanwhile. Run again with the pod that took its place: --client NAMESPACE/POD.',
    { code: 'CLIENT_LOST' },
  );
}

/** Why a control is left out for the user's pod, where it would need a resource for that pod alone. */
export function wouldChangeClient({ configuration: { client } }: RunPlan): string | undefined {
  return client === undefined
    ? undefined
    : `it needs other configuration for the client's namespace, and nothing of ${client} is changed (--client)`;
}

/** Likewise, where it would have to hide the mesh's own entry from that pod; the suite's own it can take away. */
export function wouldHideEntry(plan: RunPlan): string | undefined {
  const { client } = plan.configuration;
  return client === undefined || isDeployed(plan)
    ? undefined
    : `it would hide the ServiceEntry of the mesh from ${client}, and nothing of that pod is changed (--client)`;
}

/**
 * Says why the user's pod has no entry for the proxy. None is applied for it: all requests in its namespace would use
 * it.
 */
export async function clientMustHaveEntry(world: World): Promise<never> {
  const to = world.proxy();
  const { entries, resource } = await entriesAndScope(world);
  const { sentence } = await baselineOf(world);
  const now = `a connection to ${formatEndpoint(to)} ${sentence}`;
  const { proxy } = world.session;
  const name = proxy.kind === 'given' ? proxy.name : undefined;
  const everybodys = entries.map(({ spec, ...rest }) => ({ ...rest, spec: { ...spec, exportTo: ['*'] } }));
  const named = entries.filter(({ spec }) => name !== undefined && spec?.hosts?.includes(name) === true);
  const found = [...claimantsOf(everybodys, to, world.clientNamespace).map(({ entry }) => entry), ...named];
  const isSame = (one: ServiceEntry) => (other: ServiceEntry) =>
    one.metadata?.name === other.metadata?.name && one.metadata?.namespace === other.metadata?.namespace;
  for (const claim of found) {
    const entry = entries.find(isSame(claim)) ?? claim;
    const { metadata, spec } = entry;
    const told = nameOf({ ...entry, kind: 'ServiceEntry' });
    if (!visibleTo(world.clientNamespace, spec?.exportTo, metadata?.namespace)) {
      fail(
        'SERVICE_ENTRY_EXPORT',
        `${told}, exportTo: ${JSON.stringify(spec?.exportTo)}; ${now}`,
        `visible to namespace ${world.clientNamespace}`,
      );
    }
    const hosts = spec?.hosts ?? [];
    const hidden = hosts.every((host) => !imported(world, resource, metadata?.namespace ?? '', host));
    if (resource !== undefined && hidden) {
      const egress = resource.spec?.egress?.flatMap(({ hosts: all = [] }) => all).join(', ') ?? '';
      fail(
        'SIDECAR_RESOURCE',
        `${nameOf({ ...resource, kind: 'Sidecar' })} imports ${egress} for the client, which hides ${told}; ${now}`,
        `${metadata?.namespace ?? ''}/${hosts[0] ?? '*'} among what the client's Sidecar resource imports`,
      );
    }
  }
  const told = found.map((entry) => nameOf({ ...entry, kind: 'ServiceEntry' })).join(', ');
  fail(
    'SERVICE_ENTRY_MISSING',
    told === ''
      ? `no ServiceEntry for ${formatEndpoint(to)}; ${now}`
      : `the sidecar does not have ${told}; ${now}`,
    `a TCP ServiceEntry for ${name ?? formatEndpoint(to)} that the sidecar of ${world.clientNamespace}/${world.sourcePod.get()} has`,
  );
}

/** @throws EnvironmentError where the client's Sidecar resource would hide the entry that the suite is about to apply */
export async function clientMustSeeOwnEntry(world: World): Promise<void> {
  const { resource } = await entriesAndScope(world);
  const { mesh } = world.namespaces;
  if (resource === undefined || imported(world, resource, mesh, ownHost(world))) return;
  throw new EnvironmentError(
    `${nameOf({ ...resource, kind: 'Sidecar' })} keeps the client from seeing namespace ${mesh}, where the document's ServiceEntry goes`,
    `Judge a ServiceEntry that the client has, with your own proxy (--proxy); or have the Sidecar resource import ${mesh}/*.`,
  );
}

function imported(
  { clientNamespace }: World,
  resource: SidecarResource | undefined,
  namespace: string,
  host: string,
): boolean {
  return resource === undefined || importsHost(resource, { namespace, host }, clientNamespace);
}

async function entriesAndScope({
  kube,
  clientNamespace: namespace,
  clientLabels: labels,
  mesh: { system: rootNamespace },
}: World): Promise<{
  readonly entries: readonly ServiceEntry[];
  readonly resource: SidecarResource | undefined;
}> {
  const networking = 'networking.istio.io/v1';
  const [{ items: entries }, { items: sidecars }] = await Promise.all([
    kube.objects.list<ServiceEntry>(networking, 'ServiceEntry'),
    kube.objects.list<SidecarResource>(networking, 'Sidecar'),
  ]);
  return { entries, resource: sidecarResourceFor({ sidecars, rootNamespace }, { namespace, labels }) };
}
