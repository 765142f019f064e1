import type { CauseCode } from '../../helpers/causes/causes.ts';
import { claimantsOf, visibleTo, type ServiceEntry } from '../../helpers/istio/taker-makers.ts';
import { ConformanceError, type Finding } from '../../helpers/trip/finding.ts';
import { whyNotLed } from './missing-entry.ts';
import { judgedOf, type Led } from './their-entry.ts';
import type { World } from './world.ts';

export interface EntryDifference {
  readonly cause: CauseCode;
  readonly field: string;
  readonly seen: unknown;
  readonly expected: unknown;
}

/** What an entry of the mesh is to lead to. */
export interface Purpose {
  /** The proxy's addresses that it is taken for. */
  readonly ips: readonly string[];
  /** All addresses of the proxy: each of them is the proxy. */
  readonly all: readonly string[];
  readonly port: number;
  readonly name: string | undefined;
  readonly clientNamespace: string;
}

/** The first in which an entry of the mesh is not like the document's; undefined for one that is. */
export function entryDifference(entry: ServiceEntry, purpose: Purpose): EntryDifference | undefined {
  const { ips, all, port, name, clientNamespace } = purpose;
  const { hosts = [], addresses = [], ports = [], exportTo = [], ...rest } = entry.spec ?? {};
  const listed = ports.find(({ number }) => number === port);
  const { location = 'MESH_EXTERNAL', resolution = 'NONE', endpoints: own = [], workloadSelector } = rest;
  const leads = ips.every((ip) => {
    // A range holds the proxy among others: the document's entry is for the proxy alone.
    return claimantsOf([entry], { ip, port }, clientNamespace)[0]?.by === 'address';
  });
  const byName = name !== undefined && addresses.length === 0;
  const toProxy = own.every(({ address = '' }) => all.includes(address));
  const resolves =
    resolution === 'NONE' ||
    // Workloads that it selects are judged where Envoy has them.
    (resolution === 'STATIC' && (workloadSelector !== undefined || (own.length > 0 && toProxy))) ||
    // Where the name leads, the request itself shows: the sidecar must connect to an address of the proxy.
    /^DNS(_ROUND_ROBIN)?$/.test(resolution);
  const { protocol = '(none)', targetPort = port } = listed ?? {};
  const visible = visibleTo(clientNamespace, exportTo, entry.metadata?.namespace);
  const resolutions = 'NONE, DNS, or STATIC with the proxy as its endpoint';
  const rules: readonly (readonly [
    CauseCode,
    field: string,
    seen: unknown,
    expected: unknown,
    sound: boolean,
  ])[] = [
    ['SERVICE_ENTRY_PORT', 'ports', ports, `port ${port}`, listed !== undefined],
    ['SERVICE_ENTRY_PROTOCOL', `protocol of port ${port}`, protocol, 'TCP', protocol.toUpperCase() === 'TCP'],
    ['SERVICE_ENTRY_PORT', `targetPort of port ${port}`, targetPort, port, targetPort === port],
    ['SERVICE_ENTRY_EXPORT', 'exportTo', exportTo, `visible to namespace ${clientNamespace}`, visible],
    byName
      ? ['SERVICE_ENTRY_HOST', 'hosts', hosts, [name], hosts.includes(name)]
      : ['SERVICE_ENTRY_ADDRESS', 'addresses', addresses, ips, leads],
    ['SERVICE_ENTRY_DIFFERS', 'location', location, 'MESH_EXTERNAL', location === 'MESH_EXTERNAL'],
    ['SERVICE_ENTRY_DIFFERS', 'resolution', resolution, resolutions, resolves],
    ['SERVICE_ENTRY_DIFFERS', 'endpoints', own, 'none', own.length === 0 || resolution !== 'NONE'],
  ];
  const [cause, field, seen, expected] = rules.find(([, , , , sound]) => !sound) ?? [];
  return cause === undefined || field === undefined ? undefined : { cause, field, seen, expected };
}

/**
 * Fails the step where an entry that is judged is not like the document's, or an address of the proxy has none. Its name,
 * host and further ports are its own.
 */
export async function theirEntriesMustBeLikeTheDocuments(world: World, led: readonly Led[]): Promise<void> {
  const { proxy } = world.session;
  const purpose = {
    all: world.proxyIps.get(),
    port: world.proxyPort.get(),
    name: proxy.kind === 'given' ? proxy.name?.replace(/\.$/, '') : undefined,
    clientNamespace: world.clientNamespace,
  };
  const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
  const findings = judgedOf(led).flatMap(({ claimant: { entry, name }, ips }): Finding[] => {
    const found = entryDifference(entry, { ...purpose, ips });
    if (found === undefined) return [];
    const { cause, field, seen, expected } = found;
    return [{ cause, seen: `${name}, ${field}: ${text(seen)}`, expected: `${field}: ${text(expected)}` }];
  });
  for (const { ip, by } of led) if (by.length === 0) findings.push(await whyNotLed(world, ip));
  if (findings.length > 0) throw new ConformanceError(findings);
}
