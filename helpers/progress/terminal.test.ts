import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { terminalProgress } from './terminal.ts';

beforeEach(() => {
  vi.stubEnv('CI', undefined);
  vi.stubEnv('TERM', 'xterm');
});

afterEach(() => {
  vi.unstubAllEnvs();
});

/** What only a spinner does. */
const hidesCursor = '\u001b[?25l';

/** As a terminal is to whoever writes to it. */
function terminal(columns: number): { stream: NodeJS.WriteStream; written: () => string } {
  const through = new PassThrough();
  const stream = Object.assign(through, {
    ...{ isTTY: true, columns },
    ...{ cursorTo: () => true, moveCursor: () => true },
    clearLine: () => {
      // Without a width it would be called for ever.
      if (stream.columns === 0) throw new Error('a line is cleared in a terminal without a width');
      return true;
    },
  }) as unknown as NodeJS.WriteStream;
  return { stream, written: () => String(through.read() ?? '') };
}

it('spins where a terminal has a width', async () => {
  const { stream, written } = terminal(80);
  await terminalProgress(stream).phase('a phase', () => Promise.resolve());
  const shown = written();
  expect(shown).toContain(hidesCursor);
  expect(shown).toContain(' a phase');
});

it('writes lines where it has none, and spins as soon as it has one', async () => {
  const { stream, written } = terminal(0);
  const progress = terminalProgress(stream);
  await progress.phase('before', () => Promise.resolve());
  expect(written()).toMatch(/^ {2}before \(\d+ms\)\n$/);
  await expect(progress.phase('broken', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(written()).toMatch(/^ {2}broken: failed after \d+ms\n$/);
  stream.columns = 80;
  await progress.phase('after', () => Promise.resolve());
  expect(written()).toContain(hidesCursor);
});
