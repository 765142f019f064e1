import { EnvironmentError } from '../../helpers/errors.ts';
import { meshConfigOf } from '../../helpers/existing/found-istio.ts';
import { revisionIn } from '../../helpers/istio/sidecar.ts';
import {
  claimantsOf,
  importsHost,
  isAddress,
  sidecarResourceFor,
  visibleTo,
  type ServiceEntry,
  type SidecarResource,
} from '../../helpers/istio/taker-makers.ts';
import { listOf, nameOf } from '../../helpers/kube/client.ts';
import { formatEndpoint, type Endpoint } from '../../helpers/trip/endpoint.ts';
import type { Finding } from '../../helpers/trip/finding.ts';
import { wayTo } from './baseline.ts';
import { sourcePod } from './others.ts';
import { ownHost } from './service-entry.ts';
import type { World } from './world.ts';

/** Why the client is led to an address of the proxy by no ServiceEntry of the mesh, and where it gets instead. */
export async function whyNotLed(world: World, ip: string): Promise<Finding> {
  const to = { ip, port: world.proxyPort.get() };
  const [why, { sentence }] = await Promise.all([noEntryFor(world, ip), wayTo(world, to)]);
  return { ...why, seen: `${why.seen}; a connection to ${formatEndpoint(to)} ${sentence}` };
}

/**
 * Why the client is led to an address of the proxy by no ServiceEntry of the mesh.
 * @param names Of these alone, `ServiceEntry namespace/name`; undefined: of any
 */
export async function noEntryFor(world: World, ip: string, names?: readonly string[]): Promise<Finding> {
  const to = { ip, port: world.proxyPort.get() };
  const [{ entries, resource }, usual] = await Promise.all([entriesAndScope(world), usualExport(world)]);
  const { proxy } = world.session;
  const name = proxy.kind === 'given' ? proxy.name : undefined;
  for (const entry of entries) {
    const { metadata, spec } = entry;
    const told = nameOf(entry);
    if (!isFor(entry, to, name) || names?.includes(told) === false) continue;
    if (spec?.ports?.some(({ number }) => number === to.port) !== true) {
      const ports = spec?.ports?.map(({ number }) => number).join(', ');
      return {
        cause: 'SERVICE_ENTRY_PORT',
        seen: `${told}, ports: ${ports ?? '(none)'}`,
        expected: `port ${to.port}`,
      };
    }
    const unseen = notExported(world, entry, usual);
    if (unseen !== undefined) return unseen;
    const hosts = spec.hosts ?? [];
    const hidden = hosts.every((host) => !imported(world, resource, metadata?.namespace ?? '', host));
    if (resource !== undefined && hidden) {
      const egress = resource.spec?.egress?.flatMap(({ hosts: all = [] }) => all).join(', ') ?? '';
      return {
        cause: 'SIDECAR_RESOURCE',
        seen: `${nameOf(resource)} imports ${egress} for the client, which hides ${told}`,
        expected: `${metadata?.namespace ?? ''}/${hosts[0] ?? '*'} among what the client's Sidecar resource imports`,
      };
    }
  }
  const found = entries.filter((entry) => isFor(entry, to, name));
  const told = found.map(nameOf).join(', ');
  const wide = !found.some((entry) => isForItAlone(entry, to, name));
  return {
    cause: 'SERVICE_ENTRY_MISSING',
    seen:
      told === ''
        ? `no ServiceEntry for ${formatEndpoint(to)}${others(world, entries, to)}`
        : wide
          ? `${told} leads there by a range, with everything else in it`
          : `the sidecar does not have ${told}`,
    expected: `a TCP ServiceEntry for ${name ?? formatEndpoint(to)} that the sidecar of ${world.clientNamespace}/${world.sourcePod.get()} has`,
  };
}

/** Whether it is for an address or the name of the proxy, whatever else it says; a range is, where it has the port. */
function isFor(entry: ServiceEntry, to: Endpoint, name: string | undefined): boolean {
  if (isForItAlone(entry, to, name)) return true;
  const { spec } = entry;
  const { ip, port } = to;
  const { exportTo: _everybody, ...visible } = spec ?? {};
  return claimantsOf([{ spec: visible }], { ip, port }, '').some(({ by }) => by === 'range');
}

function isForItAlone({ spec }: ServiceEntry, { ip }: Endpoint, name: string | undefined): boolean {
  if (name !== undefined && spec?.hosts?.includes(name) === true) return true;
  return spec?.addresses?.some((one) => isAddress(one, ip)) === true;
}

/** A mistyped address is in one of those. */
function others(world: World, entries: readonly ServiceEntry[], { port }: Endpoint): string {
  const ips = world.proxyIps.get();
  const told = entries
    .filter(({ spec }) => spec?.ports?.some(({ number }) => number === port) === true)
    .filter((entry) => !ips.some((ip) => isFor(entry, { ip, port }, undefined)))
    .map((entry) => {
      const { addresses = [] } = entry.spec ?? {};
      return addresses.length === 0
        ? nameOf(entry)
        : `${nameOf(entry)} (${addresses.slice(0, 3).join(', ')})`;
    });
  const shown = told.slice(0, 5).join(', ');
  return told.length === 0 ? '' : `; on port ${port} there is ${shown}${told.length > 5 ? ' and more' : ''}`;
}

/** @throws EnvironmentError where the client's Sidecar resource would hide the entry that the suite is about to apply */
export async function clientMustSeeOwnEntry(world: World): Promise<void> {
  const { resource } = await entriesAndScope(world);
  const { mesh } = world.namespaces;
  if (resource === undefined || imported(world, resource, mesh, ownHost(world))) return;
  throw new EnvironmentError(
    `${nameOf(resource)} keeps the client from seeing namespace ${mesh}, where the document's ServiceEntry goes`,
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

const networking = 'networking.istio.io/v1';

/** How far entries are seen, and what says so, for people. */
interface Export {
  readonly exportTo: readonly string[];
  readonly told: string;
}

/** That the client does not see this entry; undefined where it does. */
export function notExported(
  { clientNamespace }: World,
  entry: ServiceEntry,
  usual: Export,
): Finding | undefined {
  const own = entry.spec?.exportTo ?? [];
  const { exportTo, told } =
    own.length === 0 ? usual : { exportTo: own, told: `exportTo: ${JSON.stringify(own)}` };
  if (visibleTo(clientNamespace, exportTo, entry.metadata?.namespace)) return undefined;
  return {
    cause: 'SERVICE_ENTRY_EXPORT',
    seen: `${nameOf(entry)}, ${told}`,
    expected: `visible to namespace ${clientNamespace}`,
  };
}

/** How far an entry is seen that does not say so itself: as the control plane of the client's sidecar has it. */
export async function usualExport(world: World): Promise<Export> {
  const pod = await sourcePod(world);
  const revision = pod === undefined ? world.mesh.revision : revisionIn(pod);
  const { defaultServiceExportTo } = await meshConfigOf(world.kube, revision, world.mesh.system);
  const of = `meshConfig.defaultServiceExportTo of revision ${revision ?? 'default'}`;
  return {
    exportTo: defaultServiceExportTo,
    told: `exportTo: none, and ${of} is ${JSON.stringify(defaultServiceExportTo)}`,
  };
}

async function entriesAndScope(world: World): Promise<{
  readonly entries: readonly ServiceEntry[];
  readonly resource: SidecarResource | undefined;
}> {
  const [entries, resource] = await Promise.all([
    listOf<ServiceEntry>(world.kube, networking, 'ServiceEntry'),
    sidecarResourceOf(world),
  ]);
  return { entries, resource };
}

/** The Sidecar resource that is for the client; undefined where it knows the whole mesh. */
export async function sidecarResourceOf({
  kube,
  clientNamespace: namespace,
  clientLabels: labels,
  mesh: { root: rootNamespace },
}: World): Promise<SidecarResource | undefined> {
  const sidecars = await listOf<SidecarResource>(kube, networking, 'Sidecar');
  return sidecarResourceFor({ sidecars, rootNamespace }, { namespace, labels });
}
