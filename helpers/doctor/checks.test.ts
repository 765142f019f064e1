import { describe, expect, it } from 'vitest';
import { architectureFinding } from './architecture.ts';
import { failed, ok, together, warning, type Finding } from './check.ts';
import { capabilityFinding, cgroupFinding, engineFinding, privilegedFinding } from './checks.engine.ts';
import {
  cpuFinding,
  engineDiskFinding,
  inotifyFinding,
  memoryFinding,
  openFilesFinding,
} from './checks.machine.ts';
import { registriesFinding } from './checks.network.ts';
import { nodeFinding } from './checks.suite.ts';
import { clockFinding } from './clock.ts';
import { factsIn } from '../cluster/container-facts.ts';
import { engineProxyFinding, proxyFindings } from './proxies.ts';

const gigabyte = 1024 ** 3;
const status = ({ status: told }: Finding): string => told;

describe('together', () => {
  it('tells the worst with its cause, and every message and hint', () => {
    const all = together(
      [ok('fine'), warning('a', 'do a.'), failed('b', 'do b.', 'DISK_FULL'), warning('c', 'do a.')],
      'fine',
    );
    expect(all).toEqual({ status: 'failed', message: 'a; b; c', hint: 'do a. do b.', code: 'DISK_FULL' });
    expect(together([ok('a')], 'fine')).toEqual(ok('fine'));
  });
});

describe('engine', () => {
  const docker = {
    product: 'Docker' as const,
    version: '28.0.0',
    api: '1.48',
    address: '/var/run/docker.sock',
    rootless: false,
    architecture: 'amd64' as const,
  };
  const info = { OperatingSystem: 'Linux' } as Parameters<typeof engineFinding>[0]['info'];

  it.each([
    ['ok', {}],
    ['ok', { api: '1.41' }],
    ['failed', { api: '1.40' }],
    ['failed', { api: '' }],
    ['warning', { rootless: true }],
  ])('is %s for %j', (expected, change) => {
    expect(status(engineFinding({ ...docker, info, ...change }))).toBe(expected);
  });

  it('names a privilege that is taken away', () => {
    expect(privilegedFinding((1n << 12n) | (1n << 21n), 'image').status).toBe('ok');
    expect(privilegedFinding(1n << 12n, 'image').message).toContain('lacks CAP_SYS_ADMIN');
  });

  it('minds CAP_SYS_RESOURCE for k3s alone', () => {
    expect(status(capabilityFinding(1n << 24n, 'registry'))).toBe('ok');
    expect(status(capabilityFinding(0n, 'source'))).toBe('ok');
    expect(status(capabilityFinding(0n, 'registry'))).toBe('warning');
  });

  const cgroups = (change: object): Parameters<typeof cgroupFinding>[0] => ({
    rootless: false,
    info: {
      ...info,
      CgroupVersion: '2',
      CgroupDriver: 'systemd',
      MemoryLimit: true,
      PidsLimit: true,
      CPUSet: true,
      ...change,
    },
  });

  it.each([
    ['ok', {}, '1.35.4', true],
    ['ok', { CgroupVersion: '1' }, '1.34.4', true],
    ['ok', { CgroupVersion: '' }, '1.35.4', false],
    ['warning', { CgroupVersion: '1' }, '1.35.4', true],
    ['failed', { MemoryLimit: false }, '1.34.4', true],
  ])('cgroups are %s for %j with Kubernetes %s', (expected, change, kubernetes, published) => {
    expect(status(cgroupFinding(cgroups(change), { published, kubernetes }))).toBe(expected);
  });
});

describe('machine', () => {
  it.each([
    ['ok', 2, 2],
    ['warning', 1, 8],
    ['warning', 8, 1],
  ])('cpu is %s for %i in the engine and %i here', (expected, engine, here) => {
    expect(status(cpuFinding(engine, here))).toBe(expected);
  });

  it.each([
    ['ok', { engine: 8, available: 4, limit: 8 }],
    ['ok', { engine: 8, available: undefined, limit: 8 }],
    ['warning', { engine: 3, available: 2.5, limit: 3 }],
    ['warning', { engine: 8, available: 1, limit: 8 }],
    ['warning', { engine: 8, available: 4, limit: 0.5 }],
    ['failed', { engine: 1.5, available: 1, limit: 8 }],
  ])('memory is %s for %j GB', (expected, { engine, available, limit }) => {
    const bytes = {
      engine: engine * gigabyte,
      available: available === undefined ? undefined : available * gigabyte,
      limit: limit * gigabyte,
    };
    expect(status(memoryFinding(bytes))).toBe(expected);
  });

  it.each([
    ['ok', 128, 8192],
    ['warning', 127, 8192],
    ['warning', 128, 8191],
    ['failed', 47, 8192],
    ['failed', 128, 1023],
  ])('inotify is %s for %i instances and %i watches', (expected, instances, watches) => {
    expect(status(inotifyFinding({ instances, watches }))).toBe(expected);
  });

  it.each([
    ['ok', 1024, undefined],
    ['ok', Infinity, 4096],
    ['ok', undefined, undefined],
    ['warning', 1023, 4096],
    ['warning', 4096, 1024],
    ['failed', 255, 4096],
  ])('open files are %s for %s here and %s in containers', (expected, here, inContainers) => {
    expect(status(openFilesFinding(here, inContainers))).toBe(expected);
  });

  it.each([
    ['ok', 4_000, 59_000],
    ['ok', undefined, -59_000],
    ['warning', 6_000, 0],
    ['warning', 0, 61_000],
    ['failed', -61_000, 0],
  ])('clock is %s for an engine %s ms and a registry %s ms ahead', (expected, engine, ahead) => {
    expect(status(clockFinding(engine, [{ who: 'registry', ahead }]))).toBe(expected);
  });

  it('disk-engine minds the folder of volumes where images are in containerd’s', async () => {
    const info = { DockerRootDir: '/data', DriverStatus: [['driver-type', 'io.containerd.snapshotter.v1']] };
    const facts = { info, onThisKernel: true } as Parameters<typeof engineDiskFinding>[0];
    const told = (free: Readonly<Record<string, number>>, seen?: number) =>
      engineDiskFinding(facts, seen, (folder) => Promise.resolve(free[folder]));
    const images = { '/var/lib/containerd': 9 * gigabyte };
    expect((await told({ ...images, '/data': gigabyte })).message).toContain('/data has 1.0 GB free');
    expect(await told({ ...images, '/data': 3 * gigabyte })).toMatchObject({ status: 'ok' });
    expect((await told(images, gigabyte)).message).toContain('/var/lib/containerd has 1.0 GB free');
    expect((await told({})).message).toMatch(/^not checked: /);
  });

  it('architecture tells the image that is for another', () => {
    const images = [
      { reference: 'a:1', architectures: ['amd64'] },
      { reference: 'b:1', architectures: ['arm64', 'amd64'] },
      { reference: 'c:1', architectures: undefined },
    ];
    const machines = { engine: 'amd64' as const, here: 'x64', toBuild: true };
    expect(architectureFinding(images, machines)).toEqual(
      ok('amd64; 2 of 3 images are for it, of 1 it is not known yet'),
    );
    const foreign = architectureFinding(images, { ...machines, engine: 'arm64', toBuild: false });
    expect(foreign).toMatchObject({ status: 'warning' });
    expect(foreign.message).toMatch(/^a:1 is for amd64 alone, the engine is arm64/);
    expect(status(architectureFinding([], { ...machines, engine: 'arm64' }))).toBe('failed');
  });

  it('what a container prints is read, and nothing else', () => {
    const printed =
      'CapEff:\t000001ffffffffff\nMax open files            1024    4096    files\ninstances 128\nwatches 9\nFilesystem 1024-blocks Used Available Capacity Mounted on\noverlay 100 40 60 40% /\n';
    expect(factsIn(printed)).toEqual({
      capabilities: 0x1ffffffffffn,
      openFiles: 1024,
      mostOpenFiles: 4096,
      inotify: { instances: 128, watches: 9 },
      freeBytes: 60 * 1024,
    });
    expect(() => factsIn('sh: not found')).toThrow('The container printed something else: sh: not found');
  });
});

describe('network', () => {
  const here = { engineHost: undefined, engineIsHere: true };

  it.each([
    ['failed', { HTTPS_PROXY: 'corporate proxy' }, 'is not the URL of a proxy'],
    ['warning', { HTTPS_PROXY: 'http://a:1', https_proxy: 'http://b:1' }, 'differ'],
    ['warning', { HTTP_PROXY: 'http://a:1' }, 'HTTPS_PROXY is not'],
    ['warning', { ALL_PROXY: 'http://a:1' }, 'curl reads ALL_PROXY'],
  ])('proxy is %s for %j', (expected, environment, said) => {
    const finding = together(proxyFindings(environment, here), '');
    expect(finding.status).toBe(expected);
    expect(finding.message).toContain(said);
  });

  it('never shows a proxy’s password', () => {
    const environment = { HTTPS_PROXY: 'http://me:secret@a:1', https_proxy: 'me:secret@b' };
    expect(JSON.stringify(proxyFindings(environment, here))).not.toContain('secret');
  });

  it('minds an engine across the network, and a proxy on a loopback that it does not have', () => {
    const elsewhere = { engineHost: 'engine.example.com', engineIsHere: false };
    const findings = proxyFindings({ HTTPS_PROXY: 'http://127.0.0.1:1' }, elsewhere);
    expect(findings.map(({ message }) => message)).toEqual([
      expect.stringContaining("which the engine's containers do not reach"),
      expect.stringContaining('NO_PROXY does not name engine.example.com'),
    ]);
    expect(proxyFindings({ HTTPS_PROXY: 'http://127.0.0.1:1' }, here)).toEqual([]);
  });

  it('warns of an engine that pulls without the proxy, where something is to be pulled', () => {
    const none = { HttpProxy: '', HttpsProxy: '', NoProxy: '' };
    const environment = { HTTPS_PROXY: 'http://a:1' };
    expect(status(engineProxyFinding(none, environment, true))).toBe('ok');
    expect(status(engineProxyFinding(none, environment, false))).toBe('warning');
    expect(
      engineProxyFinding({ ...none, HttpsProxy: 'http://me:secret@p:1' }, {}, false).message,
    ).not.toContain('secret');
  });

  it.each([
    ['ok', { status: 200, problem: '' }],
    ['ok', { status: 401, problem: '' }],
    ['warning', { status: 429, problem: '' }],
    ['warning', { status: 503, problem: '' }],
    ['failed', { status: undefined, problem: 'ECONNREFUSED' }],
  ])('registries are %s for %j', (expected, answer) => {
    const finding = registriesFinding([{ registry: 'r.example.com', ...answer }], 'registry');
    expect(finding.status).toBe(expected);
    expect(finding.message).toContain('r.example.com');
  });

  it('recognises a proxy that opens TLS by its certificate', () => {
    const answer = {
      registry: 'r',
      status: undefined,
      problem: 'self-signed certificate in certificate chain',
    };
    expect(registriesFinding([answer], 'source')).toMatchObject({
      status: 'warning',
      hint: expect.stringContaining('NODE_EXTRA_CA_CERTS') as string,
    });
  });
});

it.each([
  ['ok', '24.0.0'],
  ['ok', '26.1.0'],
  ['failed', '23.11.1'],
  ['failed', '22.23.3'],
])('Node is %s at %s', (expected, version) => {
  expect(status(nodeFinding(version, '>=24'))).toBe(expected);
});
