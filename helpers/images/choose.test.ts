import { describe, expect, it } from 'vitest';
import { UsageError } from '../errors.ts';
import { chooseSource, chooseVersions } from './choose.ts';
import type { LoadedSet } from './loaded.ts';
import type { ImageSetRequest } from './references.ts';
import type { RegistryAnswer } from './registry.ts';
import { resolveVersions, versionsFile } from './versions.ts';

const versions = { istio: '1.29.1', kubernetes: '1.35.4' };
const answering = (registries: readonly string[]): Promise<RegistryAnswer[]> =>
  Promise.resolve(registries.map((registry) => ({ registry, status: 200, problem: '' })));
const silent = (registries: readonly string[]): Promise<RegistryAnswer[]> =>
  Promise.resolve(registries.map((registry) => ({ registry, status: undefined, problem: 'ENOTFOUND' })));
const mustNotAsk = (): Promise<never> => Promise.reject(new Error('asked'));
const nothing = (): Promise<boolean> => Promise.resolve(false);

describe('chooseSource', () => {
  it('takes what was asked for without asking anybody', async () => {
    await expect(
      chooseSource('registry', [versions], {}, { probe: mustNotAsk, isReady: mustNotAsk }),
    ).resolves.toMatchObject({
      source: 'registry',
    });
    await expect(
      chooseSource('source', [versions], {}, { probe: mustNotAsk, isReady: mustNotAsk }),
    ).resolves.toMatchObject({ source: 'source' });
  });

  it('takes the registries when they answer', async () => {
    const chosen = await chooseSource('auto', [versions], {}, { probe: answering, isReady: nothing });
    expect(chosen.source).toBe('registry');
    expect(chosen.because).toContain('docker.io');
  });

  it('builds when one does not, and says what that costs', async () => {
    const chosen = await chooseSource('auto', [versions], {}, { probe: silent, isReady: nothing });
    expect(chosen.source).toBe('source');
    expect(chosen.because).toMatch(/docker\.io does not answer: ENOTFOUND; .*15 min/);
  });

  it('needs no registry for what is here already', async () => {
    const facts = { probe: mustNotAsk, isReady: () => Promise.resolve(true) };
    await expect(chooseSource('auto', [versions], {}, facts)).resolves.toMatchObject({ source: 'registry' });
  });

  it('does not threaten with a build that was done', async () => {
    const facts = {
      probe: silent,
      isReady: ({ source }: ImageSetRequest) => Promise.resolve(source === 'source'),
    };
    const chosen = await chooseSource('auto', [versions], {}, facts);
    expect(chosen.because).toMatch(/they are built already$/);
  });

  it('takes a mirror that was asked for without asking anybody', async () => {
    const facts = { probe: mustNotAsk, isReady: mustNotAsk };
    await expect(chooseSource('mirror=localhost:5000/hub', [versions], {}, facts)).resolves.toEqual({
      source: 'registry',
      mirror: 'localhost:5000/hub',
      because: 'asked for',
    });
    await expect(chooseSource('mirror=ghcr.io=localhost:5000', [versions], {}, facts)).rejects.toThrow(
      /no place for docker\.io/,
    );
  });

  it('takes what was loaded when the published images are not here, and asks nobody then', async () => {
    const loaded: LoadedSet = {
      ...versions,
      source: 'registry',
      mirror: 'localhost:5000',
      file: 'set.tar',
      loadedAt: '2026-11-24T17:00:00.000Z',
    };
    const older = { ...loaded, mirror: 'gone.example.com', file: 'old.tar' };
    const facts = {
      probe: mustNotAsk,
      isReady: ({ mirror }: ImageSetRequest) => Promise.resolve(mirror === 'localhost:5000'),
      loaded: () => Promise.resolve([older, loaded]),
    };
    await expect(chooseSource('auto', [versions], {}, facts)).resolves.toEqual({
      source: 'registry',
      mirror: 'localhost:5000',
      because: 'loaded from set.tar on 2026-11-24',
    });
    const chosen = await chooseSource('auto', [versions], {}, { ...facts, isReady: nothing, probe: silent });
    expect(chosen.source).toBe('source');
  });

  it('asks no registry for a version that none has', async () => {
    const development = { istio: '1.30.4-dev.20260826', kubernetes: '1.35.4' };
    const chosen = await chooseSource('auto', [development], {}, { probe: mustNotAsk, isReady: nothing });
    expect(chosen).toMatchObject({ source: 'source', because: 'no registry has Istio 1.30.4-dev.20260826' });
    await expect(
      chooseSource('registry', [development], {}, { probe: mustNotAsk, isReady: mustNotAsk }),
    ).rejects.toThrow(/no published images/);
  });

  it('refuses where nothing answers and there is no recipe', async () => {
    const pair = { istio: '1.30.4', kubernetes: '1.35.4' };
    await expect(chooseSource('auto', [pair], {}, { probe: silent, isReady: nothing })).rejects.toThrow(
      UsageError,
    );
    await expect(chooseSource('source', [pair], {}, { probe: mustNotAsk, isReady: nothing })).rejects.toThrow(
      UsageError,
    );
  });
});

describe('chooseVersions', () => {
  const published = resolveVersions({ images: 'registry' });
  const built = resolveVersions({ images: 'source' });

  it('has two defaults: the newest published release, and what is built from source', () => {
    expect(built).toEqual(versionsFile().default);
    expect(versionsFile().istio[published.istio]?.registry).toBeDefined();
    expect(published.istio).not.toBe(built.istio);
  });

  it('takes the newest published release where a registry answers, and says why', async () => {
    const chosen = await chooseVersions({ images: 'auto' }, {}, { probe: answering, isReady: nothing });
    expect(chosen).toMatchObject({ source: 'registry', versions: published });
    expect(chosen.versionsBecause).toContain('newest release that is listed as published');
  });

  it('takes what is built from source where none does', async () => {
    const chosen = await chooseVersions({ images: 'auto' }, {}, { probe: silent, isReady: nothing });
    expect(chosen).toMatchObject({ source: 'source', versions: built });
    expect(chosen.because).toContain('does not answer');
    expect(chosen.versionsBecause).toContain('built from source');
  });

  it('takes what --images names, without asking anybody', async () => {
    const facts = { probe: mustNotAsk, isReady: mustNotAsk };
    await expect(chooseVersions({ images: 'registry' }, {}, facts)).resolves.toMatchObject({
      source: 'registry',
      versions: published,
    });
    await expect(chooseVersions({ images: 'mirror=localhost:5000' }, {}, facts)).resolves.toMatchObject({
      versions: published,
    });
    await expect(chooseVersions({ images: 'source' }, {}, facts)).resolves.toMatchObject({ versions: built });
  });

  it('takes a loaded set that has one of the two', async () => {
    const isReady = ({ source, istio }: ImageSetRequest): Promise<boolean> =>
      Promise.resolve(source === 'source' && istio === built.istio);
    const set: LoadedSet = {
      ...built,
      source: 'source',
      file: 'set.tar',
      loadedAt: '2026-11-24T17:00:00.000Z',
    };
    const loaded = (): Promise<readonly LoadedSet[]> => Promise.resolve([set]);
    const chosen = await chooseVersions({ images: 'auto' }, {}, { probe: mustNotAsk, isReady, loaded });
    expect(chosen).toMatchObject({ source: 'source', versions: built });
  });

  it('gives no reason for an Istio that was asked for', async () => {
    const asked = { images: 'auto', istio: '1.29.1' } as const;
    const chosen = await chooseVersions(asked, {}, { probe: answering, isReady: nothing });
    expect(chosen).toMatchObject({ versions, source: 'registry' });
    expect(chosen.versionsBecause).toBeUndefined();
  });

  it('takes the newest published one for the Kubernetes asked for', () => {
    const known = versionsFile();
    const listed = {
      ...known,
      istio: { ...known.istio, '1.32.0': { ...known.istio['1.31.4'], kubernetes: ['1.35'] } },
    };
    const asked = { k8s: '1.34.4', images: 'registry' };
    expect(resolveVersions(asked, listed as typeof known).istio).toBe('1.31.4');
  });
});
