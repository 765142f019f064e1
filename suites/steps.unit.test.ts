import { describe, expect, it } from 'vitest';
import { configurationSchema } from '../helpers/configuration/configuration.ts';
import { planOf } from '../helpers/session/proxy.ts';
import { allSteps, chosenSteps, isPartial, matching } from './steps.ts';

const ids = (settings: object): string[] =>
  chosenSteps(planOf(configurationSchema.parse(settings))).map(({ id }) => id);

describe('the steps of a run', () => {
  it('are all where none is chosen', () => {
    expect(ids({})).toEqual(allSteps.map(({ id }) => id));
    expect(isPartial({ steps: [], grep: undefined })).toBe(false);
  });

  it('are those that a pattern finds in ids and titles, in any case, with what they need', () => {
    expect(ids({ grep: '^before-2$' })).toEqual(['BEFORE-1', 'BEFORE-2']);
    expect(ids({ grep: 'squid RUNS' })).toEqual(['BEFORE-1', 'PROXY-1', 'PROXY-2', 'PROXY-3', 'PROXY-4']);
    expect(isPartial({ steps: [], grep: 'x' })).toBe(true);
  });

  it('are these and those where both are given', () => {
    expect(ids({ grep: '^before-2$', steps: ['PROXY-2'] })).toEqual(['BEFORE-1', 'BEFORE-2', 'PROXY-2']);
  });

  it('are none of a pattern that finds none', () => {
    expect(matching(allSteps, 'no such thing')).toEqual([]);
  });
});
