import { readFileSync } from 'node:fs';
import type { KubernetesObject } from '@kubernetes/client-node';
import { describe, expect, test } from 'vitest';
import type { Endpoint } from '../trip/endpoint.ts';
import { takerOf } from './taker.ts';
import {
  claimantsOf,
  importsHost,
  makersOf,
  routesConnect,
  sentenceOf,
  sidecarResourceFor,
  type Dumps,
  type MeshObjects,
  type ServiceEntry,
  type SidecarResource,
} from './taker-makers.ts';

interface Dump extends Dumps {
  readonly listeners: readonly unknown[];
  readonly objects: readonly KubernetesObject[];
}

function dumpOf(name: string): Dump {
  return JSON.parse(readFileSync(new URL(`dumps/${name}.json`, import.meta.url), 'utf8')) as Dump;
}

function objectsOf({ objects }: Dump, outboundTrafficPolicy?: string): MeshObjects {
  const named = (kind: string): KubernetesObject[] => objects.filter((object) => object.kind === kind);
  return {
    serviceEntries: named('ServiceEntry'),
    services: named('Service'),
    sidecars: named('Sidecar'),
    outboundTrafficPolicy,
    rootNamespace: 'istio-system',
  };
}

const proxy = { ip: '10.42.0.11', port: 3128 };
const client = { namespace: 'default', labels: { app: 'sleep' } };

function told(name: string, to: Endpoint = proxy, policy?: string): string {
  const dump = dumpOf(name);
  const taker = takerOf(dump.listeners, to);
  if (taker === undefined) return 'nothing takes it';
  const makers = makersOf(taker, dump, objectsOf(dump, policy), client);
  return sentenceOf(taker, makers, routesConnect(taker, dump));
}

describe('what takes a connection, and because of what', () => {
  test.each([
    [
      'empty',
      'goes to PassthroughCluster: no listener has this address, and this mesh lets everything out (ALLOW_ANY, meshConfig)',
    ],
    [
      'registry-only',
      'goes to BlackHoleCluster: no listener has this address, and this mesh only lets registered destinations out (REGISTRY_ONLY, Sidecar istio-system/default)',
    ],
    [
      'documents-entry',
      'listener 10.42.0.11_3128 hands it as TCP to outbound|3128||my-company-proxy.com, because of ServiceEntry default/proxy',
    ],
    [
      'company-entry',
      'listener 10.42.0.11_3128 hands it as TCP to outbound|3128||proxy.corp.example, because of ServiceEntry istio-system/corp-proxy',
    ],
    [
      'company-entry-http',
      'HTTP listener 0.0.0.0_3128 takes it, because of ServiceEntry istio-system/corp-proxy; it has no route for CONNECT, and answers 404',
    ],
    [
      'wide-entry',
      'listener 0.0.0.0_3128 hands it as TCP to outbound|3128||company-network.example.com, because of ServiceEntry istio-system/company-network, which takes this port of more addresses than its own',
    ],
    [
      'other-proxy-by-name',
      'listener 0.0.0.0_3128 hands it as TCP to outbound|3128||other-proxy.example.com, because of ServiceEntry istio-system/other-proxy, which takes this port of more addresses than its own',
    ],
    [
      'tcp-service',
      'listener 10.42.0.11_3128 hands it as TCP to outbound|3128||corp-proxy.somebodys-shop.svc.cluster.local, because of Service somebodys-shop/corp-proxy',
    ],
    [
      'tunnel',
      'listener 10.42.0.11_3128 hands it as TCP to outbound|3128||my-company-proxy.com, because of ServiceEntry default/proxy; the sidecar makes a CONNECT of its own to identity.corp.example:443 (DestinationRule istio-system/transparent-proxy)',
    ],
    [
      'max-connections',
      'listener 10.42.0.11_3128 hands it as TCP to outbound|3128||my-company-proxy.com, because of ServiceEntry default/proxy (DestinationRule istio-system/limits-for-the-outside)',
    ],
    [
      'weighted',
      'listener 10.42.0.11_3128 hands it as TCP to outbound|3128||my-company-proxy.com (weight 70), outbound|3128||other-proxy.example.com (weight 30), because of ServiceEntry default/proxy, ServiceEntry default/other (VirtualService default/split)',
    ],
  ])('%s', (name, sentence) => {
    expect(told(name)).toBe(sentence);
  });

  test("a Service of somebody's on the port", () => {
    expect(told('http-service-on-8080', { ...proxy, port: 8080 })).toBe(
      'HTTP listener 0.0.0.0_8080 takes it, because of Service somebodys-shop/catalogue; it has no route for CONNECT, and answers 404',
    );
  });

  test('an allocated address', () => {
    expect(told('dns-capture', { ip: '240.240.0.3', port: 3128 })).toBe(
      'listener 240.240.0.3_3128 hands it as TCP to outbound|3128||proxy.corp.example, because of ServiceEntry default/by-name',
    );
  });

  test('REGISTRY_ONLY in the configuration of the mesh', () => {
    expect(told('empty', proxy, 'REGISTRY_ONLY')).toContain('(REGISTRY_ONLY, meshConfig)');
  });

  test('objects that cannot be read are told by what the metadata says', () => {
    const dump = dumpOf('company-entry');
    const taker = takerOf(dump.listeners, proxy);
    expect(taker).toBeDefined();
    if (taker === undefined) return;
    const none = { ...objectsOf(dump), serviceEntries: [] };
    expect(makersOf(taker, dump, none, client).destinations).toEqual([
      'ServiceEntry for proxy.corp.example in istio-system',
    ]);
    expect(makersOf(taker, { clusters: [], routes: [] }, none, client).destinations).toEqual([
      'host proxy.corp.example',
    ]);
  });
});

describe('importsHost', () => {
  const imports = (hosts: readonly string[] | undefined, namespace = 'corp', client = 'shop'): boolean => {
    const spec = hosts === undefined ? {} : { egress: [{ hosts }] };
    return importsHost({ spec }, { namespace, host: 'proxy.corp.example' }, client);
  };

  test('is by namespace and host, with wildcards', () => {
    expect(imports(undefined)).toBe(true);
    for (const host of ['*/*', 'corp/*', 'corp/proxy.corp.example', '*/*.corp.example']) {
      expect(imports([host]), host).toBe(true);
    }
    for (const host of ['./*', '~/*', 'other/*', 'corp/other.example', 'corp/*.example.com']) {
      expect(imports([host]), host).toBe(false);
    }
    expect(imports(['./*', 'corp/*'])).toBe(true);
    expect(imports(['./*'], 'shop')).toBe(true);
  });
});

describe('claimantsOf', () => {
  const names = (dump: string, to: Endpoint = proxy): unknown =>
    claimantsOf(objectsOf(dumpOf(dump)).serviceEntries, to, 'default').map(({ name, by }) => [name, by]);

  test('the first is the one that gets the address', () => {
    // Of one second: the hosts decide, as the sidecar's listener shows.
    expect(names('company-entry-with-entry')).toEqual([
      ['ServiceEntry default/proxy', 'address'],
      ['ServiceEntry istio-system/corp-proxy', 'address'],
    ]);
    expect(names('wide-entry-with-entry')).toEqual([
      ['ServiceEntry default/proxy', 'address'],
      ['ServiceEntry istio-system/company-network', 'range'],
    ]);
    expect(names('other-proxy-with-entry')).toEqual([
      ['ServiceEntry default/proxy', 'address'],
      ['ServiceEntry istio-system/other-proxy', 'every address'],
    ]);
  });

  test('an allocated address, and the endpoint behind it', () => {
    expect(names('dns-capture', { ip: '240.240.0.3', port: 3128 })).toEqual([
      ['ServiceEntry default/by-name', 'allocated'],
    ]);
    expect(names('dns-capture')).toEqual([['ServiceEntry default/by-name', 'endpoint']]);
  });

  test('the older one first, of those that the client may see', () => {
    const entry = (name: string, created: string, exportTo?: readonly string[]): ServiceEntry => ({
      metadata: { name, namespace: 'corp', creationTimestamp: new Date(created) },
      spec: {
        hosts: [`${name}.example`],
        addresses: [proxy.ip],
        ports: [{ number: 3128, protocol: 'TCP' }],
        ...(exportTo === undefined ? {} : { exportTo }),
      },
    });
    const entries = [
      entry('a', '2026-02-01'),
      entry('b', '2026-01-01', ['default']),
      entry('c', '2025-01-01', ['.']),
      entry('d', '2025-01-01', ['~']),
    ];
    const found = claimantsOf(entries, proxy, 'default');
    expect(found.map(({ host }) => host)).toEqual(['b.example', 'a.example']);
    expect(claimantsOf(entries, { ...proxy, port: 1 }, 'default')).toEqual([]);
  });
});

test("a workload's Sidecar resource: its own, its namespace's, the mesh's", () => {
  const sidecar = (namespace: string, name: string, labels?: Record<string, string>): SidecarResource => ({
    metadata: { namespace, name },
    spec: labels === undefined ? {} : { workloadSelector: { labels } },
  });
  const mesh = sidecar('istio-system', 'default');
  const namespace = sidecar('default', 'all');
  const own = sidecar('default', 'sleep', { app: 'sleep' });
  const other = sidecar('default', 'another', { app: 'another' });
  const of = (...sidecars: SidecarResource[]): unknown =>
    sidecarResourceFor({ sidecars, rootNamespace: 'istio-system' }, client);
  expect(of(mesh, namespace, other, own)).toBe(own);
  expect(of(mesh, namespace, other)).toBe(namespace);
  expect(of(mesh, other)).toBe(mesh);
  expect(of(other)).toBeUndefined();
});
