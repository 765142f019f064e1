import {
  claimantsOf,
  visibleTo,
  type Claimant,
  type ServiceEntry,
} from '../../helpers/istio/taker-makers.ts';
import { clusterName } from '../../helpers/document/edition.ts';
import { createdAt, nameOf } from '../../helpers/kube/client.ts';
import type { Upstreams } from '../../helpers/trip/expectations.ts';

/** As Envoy calls how a cluster finds its hosts. */
export type ClusterType = 'ORIGINAL_DST' | 'STRICT_DNS' | 'LOGICAL_DNS' | 'EDS';

/** How the mesh is led to the proxy: what the ServiceEntry must say, and what Envoy must make of it. */
export interface Entry {
  readonly host: string;
  /** As the entry has them, with their prefix; none where the sidecar resolves the host itself. */
  readonly addresses: readonly string[];
  readonly port: number;
  readonly protocol: 'TCP';
  /** NONE: the sidecar connects to the very address that the client asks for. DNS: it looks the host up. */
  readonly resolution: string;
  /** Envoy's cluster for it, as the sidecar's log and configuration have it. */
  readonly cluster: { readonly name: string; readonly type: ClusterType };
  /** The proxy's addresses that it leads to. */
  readonly leadsTo: readonly string[];
  /** Addresses that the sidecar listens on for it; without addresses it takes whatever goes to the port. */
  readonly listensOn: readonly string[];
}

/** What is asked of the entries of a mesh: which of them lead to the proxy. */
export interface Asked {
  /** `auto`, `own` or NAMESPACE/NAME. */
  readonly entry: string;
  /** Where the client connects to; a proxy by name has one address here, which may change. */
  readonly ips: readonly string[];
  readonly port: number;
  readonly name: string | undefined;
  readonly clientNamespace: string;
  /** Where none is the proxy's own, those of a range or a whole port: for a client from which the document's is not tried. */
  readonly wide?: boolean;
}

/** An address of the proxy, and the entries of the mesh that lead there; the first is the one that Istio takes. */
export interface Led {
  readonly ip: string;
  readonly by: readonly Claimant[];
}

/** An entry of the mesh that is judged in place of the document's, and the proxy's addresses that it is taken for. */
export interface Judged {
  readonly claimant: Claimant;
  readonly ips: readonly string[];
}

/** How an address of the proxy is reached: what the sidecar's line must say. */
export interface Carried {
  readonly clusters: readonly string[];
  readonly upstreams: Upstreams;
}

/**
 * For each address of the proxy the ServiceEntries of the mesh that lead the client there, by that very address or by
 * the proxy's name; none at all where no address has one. A range or a whole port that covers the proxy among others is
 * not the proxy's entry. `--entry NAMESPACE/NAME` is among them whatever it says: then what it says is judged.
 */
export function entriesFor(entries: readonly ServiceEntry[], asked: Asked): readonly Led[] {
  if (asked.entry === 'own') return [];
  const found = asked.ips.map((ip): Led => ({ ip, by: leadingTo(ip, entries, asked) }));
  const led = asked.entry === 'auto' ? found : withChosen(found, entries, asked);
  return led.some(({ by }) => by.length > 0) ? led : [];
}

/**
 * After an upgrade, the entries that lead to each address of the proxy, whatever they are called by now. Where none does, what
 * did before is judged by what it says now; an address has none where that is gone.
 * @param before As they were judged before the upgrade
 */
export function entriesSince(
  before: readonly Led[],
  entries: readonly ServiceEntry[],
  asked: Asked,
): readonly Led[] {
  const found = entriesFor(entries, asked);
  return asked.ips.map((ip): Led => {
    const led = found.find((one) => one.ip === ip);
    if (led !== undefined && led.by.length > 0) return led;
    const left = ledBefore(before, ip).flatMap(({ name }) => entries.filter((one) => nameOf(one) === name));
    return { ip, by: left.map((entry) => claimant(entry, asked.port, asked.name)) };
  });
}

/** Entries that Istio takes for an address before one that was judged for the proxy, and that were not themselves. */
export function newcomersOf(before: readonly Led[], led: readonly Led[]): readonly Claimant[] {
  const names = new Set(before.flatMap(({ by }) => by.map(({ name }) => name)));
  return led.flatMap(({ by }) => {
    const first = by.findIndex(({ name }) => names.has(name));
    return by.slice(0, Math.max(0, first));
  });
}

/** The entries that led to an address before the upgrade; a proxy by name may have had another one then. */
export function ledBefore(before: readonly Led[], ip: string): readonly Claimant[] {
  return (before.find((one) => one.ip === ip) ?? before[0])?.by ?? [];
}

function leadingTo(
  ip: string,
  entries: readonly ServiceEntry[],
  { port, name, clientNamespace, wide }: Asked,
): readonly Claimant[] {
  const claimants = claimantsOf(entries, { ip, port }, clientNamespace);
  const byAddress = claimants
    .filter(({ by }) => by === 'address' || by === 'allocated')
    // An HTTP one has the listener of every address, which the address's own goes before.
    .sort((a, b) => Number(speaksHttp(a)) - Number(speaksHttp(b)));
  const byName = name === undefined ? [] : namedBy(entries, name, port, clientNamespace);
  const found = [...byAddress, ...byName.filter((one) => !byAddress.some(isSame(one)))];
  if (found.length === 0 && wide === true) return claimants.filter(({ by }) => by !== 'endpoint');
  return found;
}

/** Where the entry that was chosen leads to none of the addresses, it is judged for those that have no other. */
function withChosen(
  led: readonly Led[],
  entries: readonly ServiceEntry[],
  { entry, port, name }: Asked,
): readonly Led[] {
  const [chosen] = entries.filter(({ metadata }) => `${metadata?.namespace}/${metadata?.name}` === entry);
  if (chosen === undefined || led.some(({ by }) => by.some(({ name: of }) => of === `ServiceEntry ${entry}`)))
    return led;
  const instead = [claimant(chosen, port, name)];
  const allHave = led.every(({ by }) => by.length > 0);
  return led.map((one) => (allHave || one.by.length === 0 ? { ...one, by: instead } : one));
}

function namedBy(
  entries: readonly ServiceEntry[],
  name: string,
  port: number,
  clientNamespace: string,
): readonly Claimant[] {
  return entries
    .filter(({ spec, metadata }) => {
      const listed = spec?.ports?.some(({ number }) => number === port) === true;
      const visible = visibleTo(clientNamespace, spec?.exportTo, metadata?.namespace);
      return spec?.hosts?.includes(name) === true && listed && visible;
    })
    .map((entry) => claimant(entry, port, name))
    .sort((a, b) => createdAt(a.entry) - createdAt(b.entry));
}

function claimant(entry: ServiceEntry, port: number, name: string | undefined): Claimant {
  const { hosts = [], ports = [] } = entry.spec ?? {};
  const host = hosts.find((one) => one === name) ?? hosts[0] ?? '';
  const protocol = ports.find(({ number }) => number === port)?.protocol ?? '';
  return { entry, name: nameOf(entry), host, by: 'every address', protocol };
}

function speaksHttp({ protocol }: Claimant): boolean {
  return /^(HTTP|HTTP2|GRPC|GRPC-WEB)$/i.test(protocol);
}

function isSame({ name }: Claimant): (other: Claimant) => boolean {
  return (other) => other.name === name;
}

/** Of each address the entry that Istio takes. */
export function judgedOf(led: readonly Led[]): readonly Judged[] {
  const taken = led.flatMap(({ ip, by: [first] }) => (first === undefined ? [] : [{ ip, claimant: first }]));
  const byName = Map.groupBy(taken, ({ claimant: { name } }) => name);
  return [...byName.values()].flatMap((group) => {
    const [first] = group;
    return first === undefined ? [] : [{ claimant: first.claimant, ips: group.map(({ ip }) => ip) }];
  });
}

/** The entries that are judged, in words; of several, each with the addresses that it leads to. */
export function judgedText(judged: readonly Judged[]): string {
  const several = judged.length > 1;
  const names = judged.map(({ claimant: { name }, ips }) =>
    several ? `${name} for ${ips.join(', ')}` : name,
  );
  return `${names.join('; ')}, which the mesh has: judged as ${several ? 'they are' : 'it is'}`;
}

/** Of several entries for an address, which one Istio takes and why. */
export function rivalsText(led: readonly Led[]): string | undefined {
  const told = led.flatMap(({ by: [first, second, ...others] }) => {
    if (first === undefined || second === undefined) return [];
    const why =
      first.by !== second.by
        ? 'it has the address itself'
        : speaksHttp(first) !== speaksHttp(second)
          ? 'it is TCP, and so has a listener of that address'
          : createdAt(first.entry) < createdAt(second.entry)
            ? 'it is older'
            : 'they are of the same second, and its host comes first in the alphabet';
    const over = [second, ...others].map(({ name }) => name).join(', ');
    return [`${first.name} wins over ${over}: ${why}`];
  });
  return told.length === 0 ? undefined : [...new Set(told)].join('; ');
}

/** Entries that were judged before the upgrade and no longer are, in words: another one leads there. */
export function replacedText(before: readonly Led[], led: readonly Led[]): string | undefined {
  const told = led.flatMap(({ ip, by: [now] }) => {
    const [old] = ledBefore(before, ip);
    if (old === undefined || now === undefined || old.name === now.name) return [];
    return [`${old.name} led to ${ip}`];
  });
  return told.length === 0 ? undefined : told.join('; ');
}

/** What Envoy must make of an entry of the mesh that is like the document's. */
export function entryOfTheirs({ claimant: { entry, host, by }, ips }: Judged, port: number): Entry {
  const { addresses = [], resolution = 'NONE' } = entry.spec ?? {};
  return {
    host,
    addresses,
    port,
    protocol: 'TCP',
    resolution,
    cluster: { name: clusterName(host, port), type: typeOf(resolution) },
    leadsTo: ips,
    listensOn: by === 'address' ? ips : ['0.0.0.0'],
  };
}

/** The type of Envoy's cluster that istiod makes of a resolution. */
function typeOf(resolution: string): ClusterType {
  const types: Readonly<Record<string, ClusterType>> = {
    STATIC: 'EDS',
    DNS: 'STRICT_DNS',
    DNS_ROUND_ROBIN: 'LOGICAL_DNS',
  };
  return types[resolution] ?? 'ORIGINAL_DST';
}
