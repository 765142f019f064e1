import { describe, expect, it } from 'vitest';
import { UsageError } from '../errors.ts';
import { chooseSource } from './choose.ts';
import type { Reachability } from './probe.ts';

const versions = { istio: '1.29.1', kubernetes: '1.35.4' };
const answering = (registries: readonly string[]): Promise<Reachability[]> =>
  Promise.resolve(registries.map((registry) => ({ registry, reachable: true, problem: '' })));
const silent = (registries: readonly string[]): Promise<Reachability[]> =>
  Promise.resolve(registries.map((registry) => ({ registry, reachable: false, problem: 'ENOTFOUND' })));
const mustNotAsk = (): Promise<Reachability[]> => Promise.reject(new Error('asked'));

describe('chooseSource', () => {
  it('takes what was asked for without asking anybody', async () => {
    await expect(chooseSource('registry', versions, mustNotAsk)).resolves.toMatchObject({
      source: 'registry',
    });
    await expect(chooseSource('source', versions, mustNotAsk)).resolves.toMatchObject({ source: 'source' });
  });

  it('takes the registries when they answer', async () => {
    const chosen = await chooseSource('auto', versions, answering);
    expect(chosen.source).toBe('registry');
    expect(chosen.because).toContain('docker.io');
  });

  it('builds when one does not, and says what that costs', async () => {
    const chosen = await chooseSource('auto', versions, silent);
    expect(chosen.source).toBe('source');
    expect(chosen.because).toMatch(/docker\.io does not answer: ENOTFOUND; .*15 min/);
  });

  it('refuses where nothing answers and there is no recipe', async () => {
    const pair = { istio: '1.28.3', kubernetes: '1.34.4' };
    await expect(chooseSource('auto', pair, silent)).rejects.toThrow(UsageError);
    await expect(chooseSource('source', pair, mustNotAsk)).rejects.toThrow(UsageError);
  });
});
