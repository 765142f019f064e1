import { isIPv6 } from 'node:net';
import type { KubernetesObject } from '@kubernetes/client-node';
import { clusterName } from '../../helpers/document/edition.ts';
import { nameOf } from '../../helpers/kube/client.ts';
import type { ServiceEntry } from '../../helpers/istio/taker-makers.ts';
import { nameGiven } from '../../helpers/proxy/proxy.ts';
import { stable } from '../../helpers/kube/snapshot.ts';
import { find } from '../../helpers/kube/apply.ts';
import type { CauseCode } from '../../helpers/causes/causes.ts';
import { fail } from './must.ts';
import { judgedEntries } from './judged-entries.ts';
import { entryOfTheirs, type Entry } from './their-entry.ts';
import type { World } from './world.ts';

/** The document's ServiceEntry by name: enough to read or delete it. */
export function serviceEntryIn({
  edition: { entry },
  namespaces: { mesh },
}: Pick<World, 'edition' | 'namespaces'>): ServiceEntry {
  const { apiVersion, name } = entry;
  return { apiVersion, kind: 'ServiceEntry', metadata: { name, namespace: mesh } };
}

/** Whether it is the document's ServiceEntry, or one of the mesh that is judged in its place. */
export function isServiceEntryOfTheDocument(world: World, { kind, metadata }: KubernetesObject): boolean {
  const judged = (world.theirEntries.known() ?? []).flatMap(({ by }) => by.map(({ entry }) => entry));
  return [serviceEntryIn(world), ...judged].some(
    (own) =>
      kind === 'ServiceEntry' &&
      metadata?.name === own.metadata?.name &&
      metadata?.namespace === own.metadata?.namespace,
  );
}

/** The host of the entry that the suite applies. */
export function ownHost({ session: { proxy }, edition }: World): string {
  return nameGiven(proxy) ?? edition.entry.host;
}

/** The entries of this run: those of the mesh for the proxy's addresses, else the document's. */
export function entriesOf(world: World): readonly [Entry, ...Entry[]] {
  const port = world.proxyPort.get();
  const [first, ...more] = judgedEntries(world).map((judged) => entryOfTheirs(judged, port));
  return first === undefined ? [ownEntryOf(world)] : [first, ...more];
}

/** The entry of this run for an address of the proxy. */
export function entryOf(world: World, { ip } = world.proxy()): Entry {
  const [first, ...more] = entriesOf(world);
  return more.find(({ leadsTo }) => leadsTo.includes(ip)) ?? first;
}

/** The document's entry, with all addresses or the name of the proxy. */
function ownEntryOf(world: World): Entry {
  const { proxy } = world.session;
  const host = ownHost(world);
  const port = world.proxyPort.get();
  const ips = world.proxyIps.get();
  const common = { host, port, protocol: 'TCP', leadsTo: ips } as const;
  const cluster = clusterName(host, port);
  if (proxy.kind === 'given' && proxy.name !== undefined) {
    const type = 'STRICT_DNS';
    return {
      ...common,
      addresses: [],
      resolution: 'DNS',
      cluster: { name: cluster, type },
      listensOn: ['0.0.0.0'],
    };
  }
  const addresses = ips.map((ip) => `${ip}/${isIPv6(ip) ? 128 : 32}`);
  const type = 'ORIGINAL_DST';
  return { ...common, addresses, resolution: 'NONE', cluster: { name: cluster, type }, listensOn: ips };
}

/** What the document's reader applies, with the live address of the proxy; for a given proxy changed as far as it must be. */
export async function serviceEntryFor(world: World): Promise<KubernetesObject[]> {
  const { ip, port } = world.proxy();
  const values = { PROXY_IP: ip, PROXY_PORT: String(port) };
  const objects: readonly ServiceEntry[] = await world.fixtures.objects(
    'document/service-entry.yaml',
    values,
  );
  if (world.session.proxy.kind === 'deployed') return [...objects];
  const { host, addresses, resolution } = ownEntryOf(world);
  return objects.map(({ spec, ...rest }) => {
    const { addresses: _one, ...others } = spec ?? {};
    const reach = resolution === 'NONE' ? { addresses } : { resolution };
    return { ...rest, spec: { ...others, hosts: [host], ...reach } };
  });
}

/**
 * The entry as the API server stored it. With protocol TLS, or without an address, a request looks perfect all
 * the same, log lines included: so behaviour alone cannot tell that the document was followed.
 */
export async function serviceEntryMustBeTheDocuments(world: World): Promise<void> {
  const entry = ownEntryOf(world);
  const own = serviceEntryIn(world);
  const stored = await find<ServiceEntry>(world.kube, own);
  if (stored === undefined) {
    fail('SERVICE_ENTRY_MISSING', `no ${nameOf(own)}`, `${nameOf(own)} as in the document`);
  }
  const { ports = [], hosts = [], addresses = [], exportTo = [], ...rest } = stored.spec ?? {};
  const must = (cause: CauseCode, field: string, seen: unknown, expected: unknown): void => {
    if (JSON.stringify(stable(seen)) === JSON.stringify(stable(expected))) return;
    fail(cause, `${field}: ${JSON.stringify(seen)}`, `${field}: ${JSON.stringify(expected)}`);
  };
  const protocols = ports.map(({ protocol }) => protocol ?? '(none)');
  must(
    'SERVICE_ENTRY_PROTOCOL',
    'protocols',
    protocols,
    ports.length === 0 ? [] : ports.map(() => entry.protocol),
  );
  must('SERVICE_ENTRY_ADDRESS', 'addresses', addresses, entry.addresses);
  must('SERVICE_ENTRY_PORT', 'ports', ports, [{ number: entry.port, name: 'tcp', protocol: entry.protocol }]);
  must('SERVICE_ENTRY_HOST', 'hosts', hosts, [entry.host]);
  // In an existing mesh the entry is for the run's client's namespace alone; the document exports it to everybody.
  const { existing } = world.session;
  must('SERVICE_ENTRY_EXPORT', 'exportTo', exportTo, existing?.dress.entryVisibleTo ?? []);
  // The document leaves resolution out, which means NONE.
  const expected = { location: 'MESH_EXTERNAL', resolution: entry.resolution };
  must('SERVICE_ENTRY_DIFFERS', 'the rest', { resolution: 'NONE', ...rest }, expected);
}
