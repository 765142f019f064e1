import { isIPv6 } from 'node:net';
import type { KubernetesObject } from '@kubernetes/client-node';
import { nameOf } from '../../helpers/kube/client.ts';
import { find } from '../../helpers/kube/apply.ts';
import type { CauseCode } from '../../helpers/causes/causes.ts';
import { fail } from './fail.ts';
import type { World } from './world.ts';

/** The document's ServiceEntry by name: enough to read or delete it. */
export function serviceEntryIn({
  edition: { entry },
  namespaces: { mesh },
}: Pick<World, 'edition' | 'namespaces'>): ServiceEntry {
  const { apiVersion, name } = entry;
  return { apiVersion, kind: 'ServiceEntry', metadata: { name, namespace: mesh } };
}

export function isServiceEntryOfTheDocument(
  world: Pick<World, 'edition' | 'namespaces'>,
  { kind, metadata }: KubernetesObject,
): boolean {
  const own = serviceEntryIn(world);
  const { name, namespace } = own.metadata ?? {};
  return kind === own.kind && metadata?.name === name && metadata?.namespace === namespace;
}

interface ServiceEntry extends KubernetesObject {
  readonly spec?: {
    readonly hosts?: readonly string[];
    readonly addresses?: readonly string[];
    readonly ports?: readonly {
      readonly number: number;
      readonly name: string;
      readonly protocol?: string;
    }[];
    readonly location?: string;
    readonly resolution?: string;
    readonly exportTo?: readonly string[];
    readonly endpoints?: readonly unknown[];
    readonly workloadSelector?: unknown;
  };
}

/** The host that the entry has: the document's, or the name by which the user told of the proxy. */
export function entryHost({ yours, edition }: Pick<World, 'yours' | 'edition'>): string {
  return yours?.name?.replace(/\.$/, '') ?? edition.entry.host;
}

/**
 * The document's ServiceEntry with the live address of the proxy. For a proxy of the user's it has all addresses that
 * were told; for a name it has none: the sidecar resolves the name itself, and takes whatever goes to the port for it.
 */
export async function serviceEntryFor(world: World): Promise<KubernetesObject[]> {
  const { ip, port } = world.proxy();
  const values = { PROXY_IP: ip, PROXY_PORT: String(port) };
  const objects: readonly ServiceEntry[] = await world.fixtures.objects(
    'document/service-entry.yaml',
    values,
  );
  if (world.yours === undefined) return [...objects];
  const { hosts, addresses, resolution } = reachOf(world);
  return objects.map(({ spec, ...rest }) => {
    const { addresses: _one, ...others } = spec ?? {};
    const reach = resolution === 'NONE' ? { addresses } : { resolution };
    return { ...rest, spec: { ...others, hosts, ...reach } };
  });
}

/** How the entry leads to the proxy. */
function reachOf(world: World): {
  readonly hosts: readonly string[];
  readonly addresses: readonly string[];
  readonly resolution: 'NONE' | 'DNS';
} {
  const hosts = [entryHost(world)];
  if (world.yours?.name !== undefined) return { hosts, addresses: [], resolution: 'DNS' };
  const ips = world.yours?.addresses ?? [world.proxy().ip];
  return { hosts, addresses: ips.map((ip) => `${ip}/${isIPv6(ip) ? 128 : 32}`), resolution: 'NONE' };
}

/**
 * The entry as the API server stored it. With protocol TLS, or without an address, a request looks perfect all
 * the same, log lines included: so behaviour alone cannot tell that the document was followed.
 */
export async function serviceEntryMustBeTheDocuments(world: World): Promise<void> {
  const { port } = world.proxy();
  const reach = reachOf(world);
  const own = serviceEntryIn(world);
  const stored = await find<ServiceEntry>(world.kube, own);
  if (stored === undefined) {
    fail('SERVICE_ENTRY_MISSING', `no ${nameOf(own)}`, `${nameOf(own)} as in the document`);
  }
  const { ports = [], hosts = [], addresses = [], exportTo = [], ...rest } = stored.spec ?? {};
  const must = (cause: CauseCode, field: string, seen: unknown, expected: unknown): void => {
    if (stableJson(seen) === stableJson(expected)) return;
    fail(cause, `${field}: ${JSON.stringify(seen)}`, `${field}: ${JSON.stringify(expected)}`);
  };
  const protocols = ports.map(({ protocol }) => protocol ?? '(none)');
  must('SERVICE_ENTRY_PROTOCOL', 'protocols', protocols, ports.length === 0 ? [] : ports.map(() => 'TCP'));
  must('SERVICE_ENTRY_ADDRESS', 'addresses', addresses, reach.addresses);
  must('SERVICE_ENTRY_PORT', 'ports', ports, [{ number: port, name: 'tcp', protocol: 'TCP' }]);
  must('SERVICE_ENTRY_HOST', 'hosts', hosts, reach.hosts);
  // In somebody else's mesh the entry is for the run's own client alone; the document exports it to everybody.
  must('SERVICE_ENTRY_EXPORT', 'exportTo', exportTo, world.session.existing === undefined ? [] : ['.']);
  // The document leaves resolution out, which means NONE: the sidecar connects to the very address the client asked for.
  const expected = { location: 'MESH_EXTERNAL', resolution: reach.resolution };
  must('SERVICE_ENTRY_DIFFERS', 'the rest', { resolution: 'NONE', ...rest }, expected);
}

function stableJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
