import { describe, expect, it } from 'vitest';
import type { ServiceEntry } from '../../helpers/istio/taker-makers.ts';
import { entryDifference } from './like-the-documents.ts';
import {
  entriesFor,
  entriesSince,
  entryOfTheirs,
  judgedOf,
  judgedText,
  newcomersOf,
  replacedText,
  rivalsText,
  type Asked,
} from './their-entry.ts';

const ip = '10.42.0.11';
const second = '10.42.0.12';
const asked: Asked = {
  entry: 'auto',
  ips: [ip],
  port: 3128,
  name: undefined,
  clientNamespace: 'conformance-mesh',
};

function entry(changes: object = {}, name = 'corp-proxy', creationTimestamp = '2026-01-01T00:00:00Z') {
  return {
    kind: 'ServiceEntry',
    metadata: { name, namespace: 'istio-system', creationTimestamp: new Date(creationTimestamp) },
    spec: {
      hosts: ['proxy.corp.example'],
      addresses: [`${ip}/32`],
      ports: [{ number: 3128, name: 'tcp', protocol: 'TCP' }],
      location: 'MESH_EXTERNAL',
      resolution: 'NONE',
      ...changes,
    },
  } satisfies ServiceEntry;
}

const named = (entries: readonly ServiceEntry[], changes: Partial<Asked> = {}): string[] =>
  entriesFor(entries, { ...asked, ...changes }).flatMap(({ by }) => by.map(({ name }) => name));

describe('the entries of a mesh for the proxy', () => {
  it('are those with its very address that the client can see', () => {
    expect(named([entry()])).toEqual(['ServiceEntry istio-system/corp-proxy']);
    expect(named([entry({ addresses: ['10.0.0.0/8'] })])).toEqual([]);
    expect(named([entry({ addresses: [] })])).toEqual([]);
    expect(named([entry({ addresses: ['10.0.0.0/8'] })], { wide: true })).toHaveLength(1);
    expect(named([entry({ addresses: ['10.0.0.0/8'] }, 'wide'), entry()], { wide: true })).toHaveLength(1);
    expect(named([entry({ exportTo: ['.'] })])).toEqual([]);
    expect(named([entry({ ports: [{ number: 80, name: 'tcp', protocol: 'TCP' }] })])).toEqual([]);
  });

  it('are those with its name, where the user gave one', () => {
    const byName = entry({ addresses: [], resolution: 'DNS' });
    expect(named([byName], { name: 'proxy.corp.example' })).toEqual(['ServiceEntry istio-system/corp-proxy']);
    expect(named([byName], { name: 'other.corp.example' })).toEqual([]);
    expect(named([entry()], { name: 'proxy.corp.example' })).toHaveLength(1);
  });

  it('have one with a wrong protocol among them: it is what the client meets', () => {
    const led = entriesFor([entry({ ports: [{ number: 3128, name: 'http', protocol: 'HTTP' }] })], asked);
    expect(led[0]?.by[0]).toMatchObject({ host: 'proxy.corp.example', protocol: 'HTTP' });
  });

  it('are not asked for with --entry own, and have the chosen one whatever it says', () => {
    expect(named([entry()], { entry: 'own' })).toEqual([]);
    expect(named([entry({ addresses: [] })], { entry: 'istio-system/corp-proxy' })).toHaveLength(1);
  });

  it('begin with the one that Istio takes, and the reason is given', () => {
    const older = entry({ hosts: ['z.example'] }, 'older', '2025-01-01T00:00:00Z');
    const found = entriesFor([entry(), older], asked);
    expect(rivalsText(found)).toBe(
      'ServiceEntry istio-system/older wins over ServiceEntry istio-system/corp-proxy: it is older',
    );
    const rival = entry({ hosts: ['a.example'] }, 'second');
    expect(rivalsText(entriesFor([entry(), rival], asked))).toBe(
      'ServiceEntry istio-system/second wins over ServiceEntry istio-system/corp-proxy: they are of the same second, and its host comes first in the alphabet',
    );
    const http = entry(
      { ports: [{ number: 3128, name: 'http', protocol: 'HTTP' }] },
      'http',
      '2025-01-01T00:00:00Z',
    );
    expect(rivalsText(entriesFor([http, entry()], asked))).toBe(
      'ServiceEntry istio-system/corp-proxy wins over ServiceEntry istio-system/http: it is TCP, and so has a listener of that address',
    );
    expect(rivalsText(entriesFor([entry()], asked))).toBeUndefined();
  });

  it('have the cluster of their own host', () => {
    const [found] = judgedOf(entriesFor([entry()], asked));
    if (found === undefined) throw new Error('none was found');
    expect(entryOfTheirs(found, 3128)).toMatchObject({
      host: 'proxy.corp.example',
      cluster: { name: 'outbound|3128||proxy.corp.example', type: 'ORIGINAL_DST' },
      leadsTo: [ip],
      listensOn: [ip],
    });
  });
});

describe('the entries of a mesh for several addresses', () => {
  const both = { ips: [ip, second] };
  const other = entry({ hosts: ['proxy-2.corp.example'], addresses: [second] }, 'corp-proxy-2');
  const judged = (entries: readonly ServiceEntry[], changes: Partial<Asked> = {}): string =>
    judgedText(judgedOf(entriesFor(entries, { ...asked, ...both, ...changes })));

  it('are one each, or one for all', () => {
    expect(judged([entry(), other])).toBe(
      `ServiceEntry istio-system/corp-proxy for ${ip}; ServiceEntry istio-system/corp-proxy-2 for ${second}, which the mesh has: judged as they are`,
    );
    expect(judged([entry({ addresses: [ip, second] })])).toBe(
      'ServiceEntry istio-system/corp-proxy, which the mesh has: judged as it is',
    );
  });

  it('leave an address open where another has one', () => {
    expect(entriesFor([other], { ...asked, ...both })).toMatchObject([{ ip, by: [] }, { ip: second }]);
  });

  it('have the chosen one for what leads nowhere else, with the others', () => {
    const mistyped = entry({ addresses: ['10.9.9.9'] });
    expect(judged([mistyped, other], { entry: 'istio-system/corp-proxy' })).toContain(
      `corp-proxy for ${ip}; ServiceEntry istio-system/corp-proxy-2 for ${second}`,
    );
    expect(judged([entry(), other], { entry: 'istio-system/corp-proxy-2' })).toContain(
      `corp-proxy for ${ip}`,
    );
  });
});

describe('the entries of a mesh after an upgrade', () => {
  const before = entriesFor([entry()], asked);
  const tls = { ports: [{ number: 3128, name: 'tls', protocol: 'TLS' }] };
  const since = (entries: readonly ServiceEntry[], changes: Partial<Asked> = {}) =>
    entriesSince(before, entries, { ...asked, ...changes });
  const judged = (entries: readonly ServiceEntry[], changes: Partial<Asked> = {}): string[] =>
    judgedOf(since(entries, changes)).map(({ claimant: { name } }) => name);

  it('are judged by what they say then', () => {
    expect(since([entry(tls)])[0]?.by[0]).toMatchObject({ protocol: 'TLS' });
    const marked = { ...entry(), metadata: { ...entry().metadata, labels: { helm: '2' } } };
    expect(judged([marked])).toEqual(['ServiceEntry istio-system/corp-proxy']);
    expect(replacedText(before, since([marked]))).toBeUndefined();
  });

  it.each([
    { addresses: ['10.9.9.9'] },
    { addresses: [] },
    { exportTo: ['.'] },
    { ports: [{ number: 8080, name: 'tcp', protocol: 'TCP' }] },
  ])('are judged also where they no longer lead there: %j', (changes) => {
    expect(judged([entry(changes)])).toEqual(['ServiceEntry istio-system/corp-proxy']);
    expect(replacedText(before, since([entry(changes)]))).toBeUndefined();
  });

  it('are others that lead there in their place, and that is told', () => {
    const other = entry({}, 'renamed');
    expect(judged([other])).toEqual(['ServiceEntry istio-system/renamed']);
    expect(judged([entry({ addresses: ['10.9.9.9'] }), other])).toEqual([
      'ServiceEntry istio-system/renamed',
    ]);
    expect(replacedText(before, since([other]))).toBe(`ServiceEntry istio-system/corp-proxy led to ${ip}`);
  });

  it('may go after one that was not judged: whether the client has that, its sidecar tells', () => {
    const newcomers = (entries: readonly ServiceEntry[]): string[] =>
      newcomersOf(before, since(entries)).map(({ name }) => name);
    const older = entry({}, 'older', '2025-01-01T00:00:00Z');
    expect(newcomers([entry(), older])).toEqual(['ServiceEntry istio-system/older']);
    expect(newcomers([entry(), entry({}, 'younger', '2027-01-01T00:00:00Z')])).toEqual([]);
    expect(newcomers([older])).toEqual([]);
  });

  it('are none where nothing leads there any more, for each address of its own', () => {
    expect(since([])).toEqual([{ ip, by: [] }]);
    expect(since([entry({ addresses: ['10.9.9.9'] }, 'other')])).toEqual([{ ip, by: [] }]);
    const both = { ips: [ip, second] };
    expect(since([entry()], both)).toMatchObject([
      { ip, by: [{}] },
      { ip: second, by: [{}] },
    ]);
  });
});

describe('an entry of the mesh', () => {
  const judged = (changes: object, name?: string): string | undefined => {
    const { port, clientNamespace } = asked;
    const purpose = { ips: [ip], all: [ip, second], port, name, clientNamespace };
    const found = entryDifference(entry(changes), purpose);
    return found === undefined ? undefined : `${found.cause} ${found.field}`;
  };

  it('is like the document’s whatever its name, host, further ports and addresses are', () => {
    expect(judged({})).toBeUndefined();
    const port = { number: 3128, name: 'proxy', protocol: 'TCP' };
    expect(judged({ ports: [{ number: 443, name: 'tls', protocol: 'TLS' }, port] })).toBeUndefined();
    expect(judged({ addresses: ['10.9.9.9', ip], resolution: undefined })).toBeUndefined();
    expect(judged({ addresses: [], resolution: 'DNS' }, 'proxy.corp.example')).toBeUndefined();
    expect(judged({ resolution: 'DNS' })).toBeUndefined();
    expect(judged({ resolution: 'STATIC', endpoints: [{ address: ip }] })).toBeUndefined();
    expect(
      judged({ resolution: 'STATIC', endpoints: [{ address: ip }, { address: second }] }),
    ).toBeUndefined();
    expect(judged({ resolution: 'STATIC', workloadSelector: { labels: { app: 'proxy' } } })).toBeUndefined();
  });

  it('is told with what it said before an upgrade', () => {
    const { port, clientNamespace } = asked;
    const purpose = { ips: [ip], all: [ip], port, name: undefined, clientNamespace };
    const tls = entry({ ports: [{ number: 3128, name: 'tls', protocol: 'TLS' }] });
    expect(entryDifference(tls, purpose, entry())).toMatchObject({ seen: 'TLS', before: { seen: 'TCP' } });
    expect(entryDifference(tls, purpose)?.before).toBeUndefined();
  });

  it.each([
    [
      { ports: [{ number: 3128, name: 'http', protocol: 'HTTP' }] },
      'SERVICE_ENTRY_PROTOCOL protocol of port 3128',
    ],
    [{ ports: [{ number: 8080, name: 'tcp', protocol: 'TCP' }] }, 'SERVICE_ENTRY_PORT ports'],
    [
      { ports: [{ number: 3128, name: 'tcp', protocol: 'TCP', targetPort: 80 }] },
      'SERVICE_ENTRY_PORT targetPort of port 3128',
    ],
    [{ addresses: ['10.0.0.0/8'] }, 'SERVICE_ENTRY_ADDRESS addresses'],
    [{ exportTo: ['other'] }, 'SERVICE_ENTRY_EXPORT exportTo'],
    [{ location: 'MESH_INTERNAL' }, 'SERVICE_ENTRY_DIFFERS location'],
    [{ resolution: 'STATIC' }, 'SERVICE_ENTRY_DIFFERS resolution'],
    [{ resolution: 'STATIC', endpoints: [{ address: '10.9.9.9' }] }, 'SERVICE_ENTRY_DIFFERS resolution'],
    [{ endpoints: [{ address: ip }] }, 'SERVICE_ENTRY_DIFFERS endpoints'],
  ])('with %j is not: %s', (changes, told) => {
    expect(judged(changes)).toBe(told);
  });
});
