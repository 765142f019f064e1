import { describe, expect, it } from 'vitest';
import { endOf } from './texts.ts';

describe('endOf', () => {
  it('leaves a short log as it is, and says when there is none', () => {
    expect(endOf('a\nb\n')).toEqual({ text: 'a\nb\n' });
    expect(endOf('a\nb')).toEqual({ text: 'a\nb\n' });
    expect(endOf('')).toEqual({ text: '', note: 'empty' });
  });

  it('keeps the newest lines, and says so', () => {
    const log = Array.from({ length: 5_001 }, (_, index) => `line ${index}\n`).join('');
    const { text, note } = endOf(log);
    expect(note).toBe('only the last 5,000 lines');
    expect(text.startsWith('line 1\n')).toBe(true);
    expect(text.endsWith('line 5000\n')).toBe(true);
  });

  it('keeps whole lines where the bytes are too many', () => {
    const { text, note } = endOf(`${'x'.repeat(60)}\n`.repeat(50), { lines: 100, bytes: 1024 });
    expect(note).toMatch(/^only the last/);
    expect(text).toBe(`${'x'.repeat(60)}\n`.repeat(16));
    expect(endOf('y'.repeat(3_000), { lines: 100, bytes: 1024 }).text.length).toBe(1024);
  });
});
