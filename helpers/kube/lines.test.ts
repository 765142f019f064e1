import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lineSplitter } from './lines.ts';

describe('lineSplitter', () => {
  it('gives the same lines however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme' }).filter((line) => !/[\r\n]/.test(line))),
        fc.infiniteStream(fc.integer({ min: 1, max: 7 })),
        (lines, sizes) => {
          const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
          const seen: string[] = [];
          const take = lineSplitter((line) => seen.push(line));
          for (let at = 0; at < bytes.length;) {
            const size = sizes.next().value as number;
            take(bytes.subarray(at, at + size));
            at += size;
          }
          expect(seen).toEqual(lines);
        },
      ),
    );
  });

  it('keeps back a line without its end', () => {
    const seen: string[] = [];
    lineSplitter((line) => seen.push(line))(Buffer.from('whole\nhalf'));
    expect(seen).toEqual(['whole']);
  });
});
