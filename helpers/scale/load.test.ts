import { expect, it } from 'vitest';
import { mostAtOnce } from './load.ts';

it.each([
  [[], 0],
  [[[0, 10]], 1],
  [
    [
      [0, 10],
      [10, 20],
    ],
    1,
  ],
  [
    [
      [0, 10],
      [9, 20],
      [5, 6],
    ],
    2,
  ],
  [
    [
      [3, 4],
      [0, 10],
      [1, 9],
      [2, 8],
    ],
    4,
  ],
] as const)(
  'counts how many of %j there are at once',
  (spans: readonly (readonly [number, number])[], most) => {
    expect(mostAtOnce(spans.map(([from, to]) => ({ from, to })))).toBe(most);
  },
);
