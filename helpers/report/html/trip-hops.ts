import { formatEndpoint, type Endpoint } from '../../trip/endpoint.ts';
import { agrees, factsOf, tells, type Facts } from '../../trip/judgement.ts';
import { proxyResult } from '../../trip/squid.ts';
import type { Trip } from '../../trip/statements.ts';
import { bytes } from './format.ts';

export type Who = 'client' | 'sidecar' | 'proxy' | 'origin';

/** `agreed`: both sides of the hop say so. `told`: only one of them does. */
export type Agreement = 'agreed' | 'contradicted' | 'told';

export interface Label {
  readonly what: 'from' | 'to' | 'bytes';
  readonly text: string;
  readonly agreement: Agreement;
}

/** A witness that must have seen the request. */
export interface Hop {
  readonly who: Who;
  readonly name: string;
  /** What it says of the request, shortest first; empty when it says nothing. */
  readonly says: readonly string[];
  readonly state: 'spoke' | 'silent' | 'not followed';
}

/** The path of a request, as its witnesses saw it: `edges[i]` leads from `hops[i]` to the next. */
export interface Way {
  readonly hops: readonly Hop[];
  readonly edges: readonly (readonly Label[])[];
}

const names: Readonly<Record<Who, string>> = {
  client: 'Client',
  sidecar: 'Sidecar',
  proxy: 'Squid',
  origin: 'Origin',
};

/**
 * The way of a trip: client, sidecar where there is one, proxy where one was asked for or has seen it, origin. Of each
 * witness the first statement, as in the text of a finding.
 */
export function wayOf(trip: Trip): Way {
  const hops = [
    clientHop(trip),
    ...(trip.sidecar === undefined ? [] : [sidecarHop(trip)]),
    ...(trip.via === undefined && (trip.proxy ?? []).length === 0 ? [] : [proxyHop(trip)]),
    originHop(trip),
  ];
  const facts = factsOf(trip);
  const edges = hops
    .slice(1)
    .map(({ who }, index) => [...ends(facts, hops[index]?.who ?? 'client', who), ...size(facts, who)]);
  return { hops, edges };
}

function clientHop({ client }: Trip): Hop {
  const { pod, exitCode, httpStatus, connectStatus } = client;
  const [namespace = '', name = ''] = pod.split('/');
  // Where there is no page, the answer to CONNECT says why.
  const connect = connectStatus === 0 || httpStatus !== 0 ? '' : `, CONNECT ${connectStatus}`;
  const page = httpStatus === 0 ? 'no page' : `HTTP ${httpStatus}`;
  const says = [namespace, name, `exit ${exitCode}, ${page}${connect}`].filter((text) => text !== '');
  return { who: 'client', name: names.client, says, state: 'spoke' };
}

function sidecarHop({ sidecar, counters }: Trip): Hop {
  const line = sidecar?.[0];
  if (line === undefined) return quiet('sidecar', sidecar);
  const { request, responseCode, responseFlags, responseCodeDetails, upstreamCluster } = line;
  const protocol = request === '- - -' ? 'TCP' : request;
  const details = [responseFlags, responseCodeDetails].filter((text) => text !== '-').join(' ');
  const result = [protocol, ...(responseCode === 0 ? [] : [responseCode]), details].join(' ').trim();
  const weaker = counters === undefined ? [] : ['counters, no log line'];
  return { who: 'sidecar', name: names.sidecar, says: [upstreamCluster, result, ...weaker], state: 'spoke' };
}

function proxyHop({ proxy }: Trip): Hop {
  const line = proxy?.[0];
  if (line === undefined) return quiet('proxy', proxy);
  const says = [proxyResult(line), `${line.method} ${line.target}`];
  return { who: 'proxy', name: names.proxy, says, state: 'spoke' };
}

function originHop({ origin, url }: Trip): Hop {
  const line = origin?.[0];
  if (line === undefined) {
    return quiet('origin', origin, origin === undefined ? [URL.parse(url)?.host ?? url] : []);
  }
  const says = [line.serverName === '' ? line.host : line.serverName, `HTTP ${line.status}`];
  return { who: 'origin', name: names.origin, says, state: 'spoke' };
}

function quiet(who: Who, statements: readonly unknown[] | undefined, says: readonly string[] = []): Hop {
  return { who, name: names[who], says, state: statements === undefined ? 'not followed' : 'silent' };
}

function ends(facts: Facts, from: Who, to: Who): Label[] {
  const { client, sidecar, proxy, origin } = facts;
  const connected = agrees('client.to', facts);
  if (from === 'proxy') {
    const port = proxy?.target.match(/:\d+$/)?.[0] ?? '';
    return [
      ...label('from', origin?.remote, agrees('origin.from', facts)),
      ...(proxy?.peer === undefined ? [] : [told('to', `${proxy.peer}${port}`)]),
    ];
  }
  if (to === 'sidecar') {
    return [
      ...label('from', client?.local, agrees('sidecar.from', facts)),
      ...label('to', client?.remote, connected === false ? false : agrees('sidecar.at', facts)),
    ];
  }
  if (from === 'sidecar') {
    return [
      ...label('from', sidecar?.upstreamLocal, agrees('proxy.from', facts)),
      ...label('to', sidecar?.upstreamHost, agrees('sidecar.to', facts)),
    ];
  }
  return [
    ...label('from', client?.local, agrees('proxy.from', facts)),
    ...label('to', client?.remote, connected),
  ];
}

/** What came back over the connection, as its far end counts it. */
function size(facts: Facts, to: Who): Label[] {
  const { client, sidecar, proxy, origin } = facts;
  const passed = sidecar !== undefined && tells(sidecar, 'bytesSent') ? sidecar.bytesSent : undefined;
  if (to === 'sidecar') return passed === undefined ? [] : [told('bytes', bytes(passed))];
  if (to === 'proxy') {
    if (proxy === undefined) return [];
    return [sizes(passed, proxy.bytes, bytes(proxy.bytes), agrees('proxy.bytes', facts))];
  }
  if (origin === undefined) return [];
  const page = `page ${bytes(origin.bytes)}`;
  return [sizes(client?.bytesDownloaded, origin.bytes, page, agrees('origin.bytes', facts))];
}

function sizes(before: number | undefined, here: number, text: string, agreed: boolean | undefined): Label {
  const both = agreed === false && before !== undefined;
  return { what: 'bytes', text: both ? `${before} ≠ ${bytes(here)}` : text, agreement: agreementOf(agreed) };
}

function label(what: 'from' | 'to', endpoint: Endpoint | undefined, agreed: boolean | undefined): Label[] {
  if (endpoint === undefined) return [];
  return [{ what, text: formatEndpoint(endpoint), agreement: agreementOf(agreed) }];
}

function told(what: Label['what'], text: string): Label {
  return { what, text, agreement: 'told' };
}

function agreementOf(agreed: boolean | undefined): Agreement {
  if (agreed === undefined) return 'told';
  return agreed ? 'agreed' : 'contradicted';
}
