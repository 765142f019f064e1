import { describe, expect, it } from 'vitest';
import { exportsEndingIn } from '../../tests/support/exports.ts';
import type { Cause, TripCause } from './cause.ts';
import { causes, type TripCauseCode } from './causes.ts';
import { causesPage } from './page.ts';
import { trafficCauses } from './traffic.ts';

describe('causes', () => {
  const list: readonly [string, Cause][] = Object.entries(causes);

  it.each(list)('%s is complete', (code, cause) => {
    expect(code).toMatch(/^[A-Z]+(?:_[A-Z]+)*$/);
    const { title, seen, expected, why, do: advice, source } = cause;
    for (const text of [title, seen, expected, why, advice, source]) expect(text.trim()).not.toBe('');
    expect(cause.title).not.toMatch(/\.$/);
    expect(cause.why).toMatch(/\.$/);
    expect(cause.do).toMatch(/\.$/);
  });

  it('holds each family that a file has, and each code and title once', async () => {
    const families = await exportsEndingIn('Causes', import.meta.dirname);
    const codes = families.flatMap(([, family]) => Object.keys(family as typeof causes));
    expect(codes.sort()).toEqual(Object.keys(causes).sort());
    expect(new Set(list.map(([, cause]) => cause.title)).size).toBe(list.length);
  });
});

describe('causes of trips', () => {
  const ranks = Object.entries<Cause | TripCause>(causes).flatMap(([code, cause]) =>
    'rank' in cause ? [{ code, rank: cause.rank }] : [],
  );

  it('have a rank each, none twice', () => {
    const codes = ranks.map(({ code }) => code);
    expect(codes).toEqual(expect.arrayContaining(Object.keys(trafficCauses)));
    expect(new Set(ranks.map(({ rank }) => rank)).size).toBe(ranks.length);
  });

  it('are refused by the compiler without a rank', () => {
    const { rank, ...forgotten } = trafficCauses.BLACKHOLE;
    expect(rank).toBeGreaterThan(0);
    // @ts-expect-error One entry is all that a new cause takes, and its rank is part of it.
    ({ FORGOTTEN: forgotten }) satisfies Record<string, TripCause>;
    // @ts-expect-error `diagnose` gives causes with a rank only.
    'SIDECAR_MISSING' satisfies TripCauseCode;
  });
});

describe('docs/causes.md', () => {
  it('is as generated (npm run generate)', async () => {
    await expect(causesPage()).toMatchFileSnapshot('../../docs/causes.md');
  });
});
