import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assign } from './correlate.ts';

const claim = (trip: string, line: string, cost: number) => ({ trip, line, cost });
const margin = () => 10;

describe('assign', () => {
  it('gives each trip its closest line', () => {
    const { lineOf, ties } = assign(
      [claim('A', 'b', 60), claim('A', 'a', 1), claim('B', 'a', 55), claim('B', 'b', 2)],
      margin,
    );
    expect(Object.fromEntries(lineOf)).toEqual({ A: 'a', B: 'b' });
    expect(ties).toEqual([]);
  });

  it('leaves a trip without a line rather than hand it what is a better fit for another', () => {
    // B's line is lost, and a stale one fits A a little: filling up would give A the stale one and B what is A's.
    const { lineOf } = assign([claim('A', 'a', 1), claim('A', 'stale', 40), claim('B', 'a', 45)], margin);
    expect(Object.fromEntries(lineOf)).toEqual({ A: 'a' });
  });

  it('reports a tie to everyone in it', () => {
    const { ties } = assign(
      [claim('A', 'a', 1), claim('B', 'a', 9), claim('B', 'b', 9), claim('C', 'c', 0)],
      margin,
    );
    expect(ties).toEqual([{ trips: new Set(['A', 'B']), lines: new Set(['a', 'b']) }]);
  });

  it('reports one trip with two lines, and two trips with one', () => {
    expect(assign([claim('A', 'a', 1), claim('A', 'b', 11)], margin).ties).toEqual([
      { trips: new Set(['A']), lines: new Set(['a', 'b']) },
    ]);
    expect(assign([claim('A', 'a', 1), claim('B', 'a', 11)], margin).ties).toEqual([
      { trips: new Set(['A', 'B']), lines: new Set(['a']) },
    ]);
    expect(assign([claim('A', 'a', 1), claim('A', 'b', 12)], margin).ties).toEqual([]);
  });

  it('joins ties that share a trip or a line', () => {
    const claims = [
      claim('A', 'a', 0),
      claim('B', 'a', 5),
      claim('B', 'b', 6),
      claim('C', 'b', 7),
      claim('C', 'c', 8),
    ];
    expect(assign(claims, margin).ties).toEqual([
      { trips: new Set(['A', 'B', 'C']), lines: new Set(['a', 'b', 'c']) },
    ]);
  });

  it('takes no claim for a rival whose trip or line is already served', () => {
    expect(assign([claim('A', 'a', 0), claim('A', 'b', 12), claim('B', 'b', 5)], margin).ties).toEqual([]);
    expect(assign([claim('A', 'a', 0), claim('B', 'a', 12), claim('B', 'b', 5)], margin).ties).toEqual([]);
  });

  it('keeps ties apart that have nothing in common, and joins those that share only a line or only a trip', () => {
    const apart = [claim('A', 'a', 0), claim('A', 'b', 1), claim('B', 'c', 0), claim('B', 'd', 1)];
    expect(assign(apart, margin).ties).toHaveLength(2);
    const byTrip = [claim('A', 'a', 0), claim('B', 'a', 1), claim('B', 'c', 20), claim('B', 'd', 21)];
    expect(assign(byTrip, margin).ties).toEqual([
      { trips: new Set(['A', 'B']), lines: new Set(['a', 'c', 'd']) },
    ]);
    const byLine = [claim('A', 'a', 0), claim('A', 'b', 1), claim('B', 'b', 20), claim('C', 'b', 21)];
    expect(assign(byLine, margin).ties).toEqual([
      { trips: new Set(['A', 'B', 'C']), lines: new Set(['a', 'b']) },
    ]);
  });

  it('is one to one, whatever the claims', () => {
    const claims = fc.array(
      fc.record({
        trip: fc.integer({ min: 0, max: 5 }),
        line: fc.integer({ min: 0, max: 5 }),
        cost: fc.nat(50),
      }),
    );
    fc.assert(
      fc.property(claims, (list) => {
        const { lineOf } = assign(list, margin);
        expect(new Set(lineOf.values()).size).toBe(lineOf.size);
        for (const [trip, line] of lineOf)
          expect(list.some((one) => one.trip === trip && one.line === line)).toBe(true);
      }),
    );
  });
});
