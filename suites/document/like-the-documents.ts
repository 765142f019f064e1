import type { CauseCode } from '../../helpers/causes/causes.ts';
import { claimantsOf, visibleTo, type ServiceEntry } from '../../helpers/istio/taker-makers.ts';
import { nameGiven } from '../../helpers/proxy/proxy.ts';
import { ConformanceError, type Finding } from '../../helpers/trip/finding.ts';
import { whyNotLed } from './missing-entry.ts';
import { judgedOf, ledBefore, type Led } from './their-entry.ts';
import type { World } from './world.ts';

export interface EntryDifference extends Rule {
  /** The same of the entry from before an upgrade. */
  readonly before: Rule | undefined;
}

interface Rule {
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

/**
 * The first in which an entry of the mesh is not like the document's; undefined for one that is.
 * @param before The entry that led there before an upgrade
 */
export function entryDifference(
  entry: ServiceEntry,
  purpose: Purpose,
  before?: ServiceEntry,
): EntryDifference | undefined {
  const rules = rulesFor(entry, purpose);
  const index = rules.findIndex(({ sound }) => !sound);
  const found = rules[index];
  if (found === undefined) return undefined;
  return { ...found, before: before === undefined ? undefined : rulesFor(before, purpose)[index] };
}

/** What an entry must say, always in this order. */
function rulesFor(entry: ServiceEntry, purpose: Purpose): readonly (Rule & { readonly sound: boolean })[] {
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
  return rules.map(([cause, field, seen, expected, sound]) => ({ cause, field, seen, expected, sound }));
}

/**
 * Fails the step where an entry that is judged is not like the document's, or an address of the proxy has none. Its name,
 * host and further ports are its own. What was otherwise before an upgrade is told.
 */
export async function theirEntriesMustBeLikeTheDocuments(world: World, led: readonly Led[]): Promise<void> {
  const { proxy } = world.session;
  const purpose = {
    all: world.proxyIps.get(),
    port: world.proxyPort.get(),
    name: nameGiven(proxy),
    clientNamespace: world.clientNamespace,
  };
  const { entriesBefore } = world;
  const findings = judgedOf(led).flatMap(({ claimant: { entry, name }, ips }): Finding[] => {
    const [old] = ledBefore(entriesBefore, ips[0] ?? '');
    const found = entryDifference(entry, { ...purpose, ips }, old?.entry);
    if (found === undefined) return [];
    const { cause, field, seen, expected, before } = found;
    const of = old === undefined || old.name === name ? '' : `${old.name}, `;
    const was = before === undefined ? '' : changed(of, found, before);
    return [
      { cause, seen: `${name}, ${field}: ${text(seen)}${was}`, expected: `${field}: ${text(expected)}` },
    ];
  });
  for (const { ip, by } of led) {
    if (by.length > 0) continue;
    const why = await whyNotLed(world, ip);
    const [gone] = ledBefore(entriesBefore, ip);
    const was = gone === undefined ? '' : `${gone.name}, which led to ${ip} before the upgrade, is gone; `;
    findings.push({ ...why, seen: `${was}${why.seen}` });
  }
  if (findings.length > 0) throw new ConformanceError(findings);
}

/** What was there before the upgrade; a field that is the same fitted what the entry said besides. */
function changed(of: string, { field, seen }: Rule, before: Rule): string {
  if (of === '' && text(before.seen) === text(seen)) return '; before the upgrade it was like the document’s';
  return `; before the upgrade: ${of}${before.field === field ? '' : `${before.field}: `}${text(before.seen)}`;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
