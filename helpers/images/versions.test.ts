import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../errors.ts';
import {
  endOfSupport,
  isPublished,
  neverRun,
  parseVersions,
  registryReferences,
  resolveVersions,
  sourceVersions,
  systemReferences,
  versionsFile,
} from './versions.ts';

function refusal(work: () => unknown): UsageError {
  try {
    work();
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('resolveVersions', () => {
  it('applies the defaults', () => {
    expect(resolveVersions({})).toEqual(versionsFile().default);
  });

  it('takes a leading v as Kubernetes and Git tags have it', () => {
    expect(resolveVersions({ k8s: 'v1.34.4' })).toEqual({
      istio: versionsFile().default.istio,
      kubernetes: '1.34.4',
    });
  });

  it('takes the newest supported Kubernetes where the default one does not fit', () => {
    expect(resolveVersions({ istio: '1.28.3' })).toEqual({ istio: '1.28.3', kubernetes: '1.34.4' });
  });

  it('refuses an unknown version with the nearest and the whole list', () => {
    const error = refusal(() => resolveVersions({ istio: '1.28.4' }));
    expect(error.message).toBe('Istio 1.28.4 is not listed in fixtures/versions.yaml.');
    expect(error.hint).toBe(
      'Did you mean 1.28.3? Listed: 1.32.0, 1.31.4, 1.31.0, 1.30.8, 1.30.4-dev.20260826, 1.29.1, 1.28.3.',
    );
  });

  it('refuses a pair that Istio does not support, with the reason and its source', () => {
    const error = refusal(() => resolveVersions({ istio: '1.28.3', k8s: '1.35.4' }));
    expect(error.message).toContain('Istio 1.28.3 does not support Kubernetes 1.35.4');
    expect(error.message).toContain('https://istio.io/');
    expect(error.hint).toContain('1.34.4');
  });
});

describe('registryReferences', () => {
  const versions = { istio: '1.29.1', kubernetes: '1.35.4' };

  it('names one image a role', () => {
    expect(registryReferences(versions, 'amd64')).toEqual({
      k3s: 'docker.io/rancher/k3s:v1.35.4-k3s1',
      istioctl: 'docker.io/istio/istioctl:1.29.1',
      pilot: 'docker.io/istio/pilot:1.29.1',
      proxyv2: 'docker.io/istio/proxyv2:1.29.1',
      squid: 'docker.io/sameersbn/squid:3.5.27',
      curl: 'docker.io/curlimages/curl:8.16.0',
      origin: 'docker.io/library/nginx:1.28-alpine',
    });
  });

  it('takes another Squid where the document’s is not published for the processor', () => {
    expect(registryReferences(versions, 'arm64').squid).toBe('docker.io/ubuntu/squid:5.2-22.04_beta');
  });
});

it('knows what k3s runs by itself', () => {
  expect(systemReferences({ kubernetes: '1.34.4' })).toEqual([
    'docker.io/rancher/mirrored-pause:3.6',
    'docker.io/rancher/mirrored-coredns-coredns:1.14.1',
  ]);
});

it('refuses published images of a version that has none', () => {
  const versions = { istio: '1.30.4-dev.20260826', kubernetes: '1.35.4' };
  expect(refusal(() => registryReferences(versions, 'amd64')).message).toContain('no published images');
  expect(isPublished(versions)).toBe(false);
});

describe('sourceVersions', () => {
  it('gives the recipe of the default pair', () => {
    expect(sourceVersions(resolveVersions({}))).toMatchObject({
      istioLock: 'k8s-1.35',
      kubernetesLock: 'k8s-1.35',
      envoyServer: '1.38.3',
    });
  });

  it('builds Istio and Kubernetes of different lines', () => {
    expect(sourceVersions({ istio: '1.29.1', kubernetes: '1.34.4' })).toMatchObject({
      istioLock: 'k8s-1.35-istio-1.29',
      kubernetesLock: 'k8s-1.34',
    });
  });

  it('refuses a node whose containerd is not listed', () => {
    const known = { ...versionsFile(), runtimes: {} };
    const pair = { istio: '1.31.0', kubernetes: '1.36.3' };
    expect(refusal(() => sourceVersions(pair, known)).message).toMatch(/^containerd-2\.4 is not listed/);
  });

  it('says what has a recipe when one of the two has none', () => {
    const file = versionsFile();
    const { source: _source, ...published } = file.istio['1.28.3'] ?? {
      kubernetes: [],
      support: '',
      envoy: '',
    };
    const known = { ...file, istio: { ...file.istio, '1.28.3': published } };
    const error = refusal(() => sourceVersions({ istio: '1.28.3', kubernetes: '1.34.4' }, known));
    expect(error.message).toBe('There is no recipe to build Istio 1.28.3 from source.');
    expect(error.hint).toContain('1.31.0, 1.30.4-dev.20260826, 1.29.1.');
  });
});

describe('parseVersions', () => {
  it('names the entry that is wrong', () => {
    expect(() => parseVersions('default: { istio: 1.29, kubernetes: 1.35.4 }')).toThrow(/default\.istio/);
  });
});

it('refuses a lock file that two versions of Istio name', () => {
  const text = readFileSync(new URL('../../fixtures/versions.yaml', import.meta.url), 'utf8');
  const shared = text.replace('lock: k8s-1.35-istio-1.29', 'lock: k8s-1.35');
  expect(() => parseVersions(shared)).toThrow(
    /k8s-1\.35 is named by Istio 1\.30\.4-dev\.20260826 and 1\.29\.1/,
  );
});

describe('endOfSupport', () => {
  const told = (istio: string, now: string): string | undefined =>
    endOfSupport(istio, versionsFile(), new Date(now));

  it('is told from the day after the one that is listed, with who says so', () => {
    expect(told('1.29.1', '2026-10-15T23:00:00Z')).toBeUndefined();
    expect(told('1.29.1', '2026-10-16')).toMatch(/^support of Istio 1\.29\.1 ended on 2026-10-15 \(https:/);
  });

  it('is told from the month after the one that is listed', () => {
    expect(told('1.28.3', '2026-07-31')).toBeUndefined();
    expect(told('1.28.3', '2026-08-01')).toMatch(/ended in 2026-07 \(https:/);
  });

  it('is an expectation where it is not announced', () => {
    expect(told('1.30.8', '2026-11-30T23:00:00Z')).toBeUndefined();
    expect(told('1.30.8', '2026-12-01')).toMatch(
      /^support of Istio 1\.30\.8 was expected to end in 2026-11 \(/,
    );
  });

  it('is not told where no date is listed', () => {
    expect(endOfSupport('1.31.4')).toBeUndefined();
    expect(endOfSupport('9.9.9')).toBeUndefined();
  });
});

it('says which versions were never run here', () => {
  expect(neverRun('1.32.0')).toMatch(/never run/);
  expect(neverRun('1.29.1')).toBeUndefined();
});
