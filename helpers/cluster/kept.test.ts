import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { UsageError } from '../errors.ts';
import { roles, type ImageSet } from '../images/roles.ts';
import {
  differencesOf,
  keptConfigurationOf,
  forgetKept,
  keptMustFit,
  keptReachFiles,
  rememberKept,
} from './kept.ts';

const set = (istio: string, pilot = 'sha256:aa'): ImageSet => ({
  source: 'source',
  istio,
  kubernetes: '1.35.4',
  images: Object.fromEntries(
    roles.map((role) => [
      role,
      {
        role,
        reference: `${role}:1`,
        source: 'source',
        digest: role === 'pilot' ? pilot : 'sha256:bb',
        sizeBytes: 1,
      },
    ]),
  ) as ImageSet['images'],
  archive: { path: '', digest: '', sizeBytes: 0 },
});
const auto = { injection: 'auto' } as const;
const kept = keptConfigurationOf([set('1.29.1')], auto);

describe('a kept configuration', () => {
  it('is the same where everything that makes the mesh is', () => {
    expect(differencesOf(kept, keptConfigurationOf([set('1.29.1')], auto))).toEqual([]);
  });

  it.each([
    [keptConfigurationOf([set('1.28.3')], auto), ['Istio: kept 1.29.1, now 1.28.3']],
    [{ ...kept, kubernetes: '1.34.4' }, ['Kubernetes: kept 1.35.4, now 1.34.4']],
    [keptConfigurationOf([set('1.29.1')], { injection: 'manual' }), ['injection: kept auto, now manual']],
    [
      keptConfigurationOf([set('1.29.1', 'sha256:cc')], auto),
      ['image pilot: kept pilot:1 (sha256:aa), now pilot:1 (sha256:cc)'],
    ],
    [
      keptConfigurationOf([set('1.29.1')], { ...auto, given: 'sha256:dd' }),
      ['your configuration: kept none, now sha256:dd'],
    ],
    [keptConfigurationOf([set('1.29.1')], { ...auto, nodes: 3 }), ['nodes: kept 1, now 3']],
    [keptConfigurationOf([set('1.29.1'), set('1.31.0')], auto), ['Istio: kept 1.29.1, now 1.29.1 → 1.31.0']],
  ])('differs by what is named', (asked, differences) => {
    expect(differencesOf(kept, asked)).toEqual(differences);
  });

  it('had none of the user’s own where it was kept before there was such a thing', () => {
    const { given: _given, ...older } = kept;
    expect(differencesOf(older, keptConfigurationOf([set('1.29.1')], auto))).toEqual([]);
  });

  it('is compared by what is known so far', () => {
    expect(differencesOf(kept, { istio: '1.29.1' })).toEqual([]);
  });
});

describe('kept clusters', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'conformance-kept-test-'));
    vi.stubEnv('CONFORMANCE_CACHE_DIR', folder);
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true, force: true });
  });
  const cluster = {
    runId: 'run-1',
    kubeconfig: 'from here',
    internalKubeconfig: 'from inside',
    network: 'net',
    containerId: 'c0ffee',
  };

  it('are missed where there is none', async () => {
    await expect(keptMustFit(kept)).rejects.toThrow('There is no kept cluster to run on');
    await rememberKept(cluster, kept);
    await keptMustFit(kept);
    await forgetKept('run-1');
    await expect(keptMustFit(kept)).rejects.toThrow(UsageError);
  });

  it('are refused with what differs, unless one fits', async () => {
    await rememberKept(cluster, kept);
    const asked = { ...kept, injection: 'manual' } as const;
    const refused = keptMustFit(asked);
    await expect(refused).rejects.toThrow(UsageError);
    await expect(refused).rejects.toThrow(/run-1.*\n {2}injection: kept auto, now manual$/);
    await rememberKept({ ...cluster, runId: 'run-2' }, asked);
    await keptMustFit(asked);
  });

  it('can be reached by files that nobody else can read', async () => {
    await rememberKept(cluster, kept);
    const files = keptReachFiles('run-1');
    expect(await readFile(files.kubeconfig, 'utf8')).toBe('from here');
    expect(await readFile(files.internalKubeconfig, 'utf8')).toBe('from inside');
    for (const file of Object.values(files) as string[]) expect((await stat(file)).mode & 0o077).toBe(0);
  });
});
