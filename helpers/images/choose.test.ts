import { describe, expect, it } from 'vitest';
import { UsageError } from '../errors.ts';
import { chooseSource } from './choose.ts';
import type { Reachability } from './probe.ts';

const versions = { istio: '1.29.1', kubernetes: '1.35.4' };
const answering = (registries: readonly string[]): Promise<Reachability[]> =>
  Promise.resolve(registries.map((registry) => ({ registry, reachable: true, problem: '' })));
const silent = (registries: readonly string[]): Promise<Reachability[]> =>
  Promise.resolve(registries.map((registry) => ({ registry, reachable: false, problem: 'ENOTFOUND' })));
const mustNotAsk = (): Promise<never> => Promise.reject(new Error('asked'));
const nothing = (): Promise<boolean> => Promise.resolve(false);

describe('chooseSource', () => {
  it('takes what was asked for without asking anybody', async () => {
    await expect(
      chooseSource('registry', versions, { probe: mustNotAsk, isReady: mustNotAsk }),
    ).resolves.toMatchObject({
      source: 'registry',
    });
    await expect(
      chooseSource('source', versions, { probe: mustNotAsk, isReady: mustNotAsk }),
    ).resolves.toMatchObject({ source: 'source' });
  });

  it('takes the registries when they answer', async () => {
    const chosen = await chooseSource('auto', versions, { probe: answering, isReady: nothing });
    expect(chosen.source).toBe('registry');
    expect(chosen.because).toContain('docker.io');
  });

  it('builds when one does not, and says what that costs', async () => {
    const chosen = await chooseSource('auto', versions, { probe: silent, isReady: nothing });
    expect(chosen.source).toBe('source');
    expect(chosen.because).toMatch(/docker\.io does not answer: ENOTFOUND; .*15 min/);
  });

  it('needs no registry for what is here already', async () => {
    const facts = { probe: mustNotAsk, isReady: () => Promise.resolve(true) };
    await expect(chooseSource('auto', versions, facts)).resolves.toMatchObject({ source: 'registry' });
  });

  it('does not threaten with a build that was done', async () => {
    const facts = { probe: silent, isReady: (source: string) => Promise.resolve(source === 'source') };
    const chosen = await chooseSource('auto', versions, facts);
    expect(chosen.because).toMatch(/they are built already$/);
  });

  it('asks no registry for a version that none has', async () => {
    const development = { istio: '1.31.0-dev.20260827', kubernetes: '1.35.4' };
    const chosen = await chooseSource('auto', development, { probe: mustNotAsk, isReady: mustNotAsk });
    expect(chosen).toMatchObject({ source: 'source', because: 'no registry has Istio 1.31.0-dev.20260827' });
    await expect(
      chooseSource('registry', development, { probe: mustNotAsk, isReady: mustNotAsk }),
    ).rejects.toThrow(/no published images/);
  });

  it('refuses where nothing answers and there is no recipe', async () => {
    const pair = { istio: '1.30.4', kubernetes: '1.35.4' };
    await expect(chooseSource('auto', pair, { probe: silent, isReady: nothing })).rejects.toThrow(UsageError);
    await expect(chooseSource('source', pair, { probe: mustNotAsk, isReady: nothing })).rejects.toThrow(
      UsageError,
    );
  });
});
