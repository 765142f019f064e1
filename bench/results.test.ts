import { describe, expect, it } from 'vitest';
import { median, ratiosOf, spreadOf } from './results.ts';

describe('statistics', () => {
  it.each([
    { figures: [3], is: 3 },
    { figures: [9, 1, 5], is: 5 },
    { figures: [10, 1, 2, 9], is: 5.5 },
    { figures: [2, 100, 3], is: 3 },
  ])('the median of $figures is $is', ({ figures, is }) => {
    expect(median(figures)).toBe(is);
  });

  it('gives NaN for no figures, so that it cannot pass for a measurement', () => {
    expect(median([])).toBeNaN();
  });

  it('gives the spread beside it, and leaves the figures in their order', () => {
    const figures = [4, 1, 7];
    expect(spreadOf(figures)).toEqual({ median: 4, min: 1, max: 7 });
    expect(figures).toEqual([4, 1, 7]);
  });

  it('divides within pairs, not the medians: a slow minute slows both of a pair', () => {
    const ratios = ratiosOf([
      [100, 50],
      [200, 100],
      [90, 30],
    ]);
    expect(median(ratios)).toBe(0.5);
  });
});
