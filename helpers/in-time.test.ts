import fc from 'fast-check';
import { expect, it } from 'vitest';
import { InTime } from './in-time.ts';

it('gives exactly those of a while, in their order', () => {
  const times = fc.array(fc.integer({ min: 0, max: 50 }));
  const edge = fc.integer({ min: -5, max: 55 });
  fc.assert(
    fc.property(times, edge, edge, (all, from, to) => {
      const expected = all.filter((time) => time >= from && time <= to).sort((a, b) => a - b);
      expect(new InTime(all, (time) => time).during(from, to)).toEqual(expected);
    }),
  );
});
