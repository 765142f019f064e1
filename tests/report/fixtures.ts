import { readFileSync } from 'node:fs';
import { results, type Results } from '../../helpers/results/results.ts';

/** Runs that were made for real, and are kept for the tests of their report: see take-fixture.ts. */
export const fixtureNames = ['green', 'red', 'bypass', 'gate'] as const;
export type FixtureName = (typeof fixtureNames)[number];

export function fixture(name: FixtureName): Results {
  const text = readFileSync(new URL(`fixtures/${name}.json`, import.meta.url), 'utf8');
  return results.parse(JSON.parse(text)) as unknown as Results;
}
