import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { given, type Collector } from './collector.ts';
import { runCollectors } from './collector.ts';

const limits = { concurrency: 2, timeoutMs: 2_000, eachMs: 2_000 };

function written(): { files: Map<string, string>; write: (file: string, text: string) => Promise<void> } {
  const files = new Map<string, string>();
  return {
    files,
    write: (file, text) => {
      files.set(file, text);
      return Promise.resolve();
    },
  };
}

const hangs: Collector = {
  file: 'hangs',
  what: 'h',
  collect: () => new Promise(() => undefined),
};

describe('runCollectors', () => {
  it('writes what comes, follows what was found on the way, and leaves out what there is none of', async () => {
    const { files, write } = written();
    const parent: Collector = {
      file: 'parent',
      what: 'p',
      collect: () => Promise.resolve({ text: '1', note: 'cut', more: [given('child', 'c', () => '2')] }),
    };
    const nothing: Collector = { file: 'nothing', what: 'n', collect: () => Promise.resolve(undefined) };
    expect(await runCollectors([parent, nothing], write, limits)).toEqual([
      { file: 'parent', what: 'p (cut)' },
      { file: 'child', what: 'c' },
    ]);
    expect([...files]).toEqual([
      ['parent', '1'],
      ['child', '2'],
    ]);
  });

  it('has one that throws, at once or later, stop no other', async () => {
    const { files, write } = written();
    const throwsAtOnce: Collector = {
      file: 'a',
      what: 'a',
      collect: () => {
        throw new Error('at once');
      },
    };
    const throwsLater: Collector = {
      file: 'b',
      what: 'b',
      collect: async () => {
        await delay(5);
        throw new Error('later');
      },
    };
    expect(
      await runCollectors([throwsAtOnce, throwsLater, given('c', 'c', () => 'x')], write, limits),
    ).toEqual([
      { file: 'a', what: 'a', problem: 'at once' },
      { file: 'b', what: 'b', problem: 'later' },
      { file: 'c', what: 'c' },
    ]);
    expect([...files.keys()]).toEqual(['c']);
  });

  it("has a file that cannot be written be that row's problem", async () => {
    const write = (): Promise<void> => Promise.reject(new Error('ENOSPC'));
    expect(await runCollectors([given('c', 'c', () => 'x')], write, limits)).toEqual([
      { file: 'c', what: 'c', problem: 'ENOSPC' },
    ]);
  });

  it('gives up one that hangs, and tells it, so that those behind get their turn', async () => {
    const { write } = written();
    let told = false;
    const listens: Collector = {
      file: 'listens',
      what: 'l',
      collect: (signal) =>
        new Promise(() => {
          signal.addEventListener('abort', () => (told = true));
        }),
    };
    const rows = await runCollectors([hangs, listens, given('c', 'c', () => 'x')], write, {
      ...limits,
      eachMs: 50,
    });
    expect(rows.map(({ problem }) => problem)).toEqual([
      'no answer within 0.05 s',
      'no answer within 0.05 s',
      undefined,
    ]);
    expect(told).toBe(true);
  });

  it('ends at its deadline, and writes nothing after it', async () => {
    const { files, write } = written();
    const slow: Collector = {
      file: 'slow',
      what: 's',
      collect: async () => {
        await delay(150);
        return { text: 'late' };
      },
    };
    const start = performance.now();
    const rows = await runCollectors([given('c', 'c', () => 'x'), hangs, slow, hangs], write, {
      ...limits,
      timeoutMs: 100,
    });
    expect(performance.now() - start).toBeLessThan(1_000);
    expect(rows.map(({ file, problem }) => [file, problem])).toEqual([
      ['c', undefined],
      ['hangs', 'not collected within 0.1 s'],
      ['slow', 'not collected within 0.1 s'],
      ['hangs', 'not collected within 0.1 s'],
    ]);
    await delay(150);
    expect([...files.keys()]).toEqual(['c']);
  });

  it('runs no more at a time than allowed', async () => {
    const { write } = written();
    let running = 0;
    let most = 0;
    const busy = Array.from({ length: 9 }, (_, index): Collector => ({
      file: String(index),
      what: '',
      collect: async () => {
        most = Math.max(most, (running += 1));
        await delay(5);
        running -= 1;
        return { text: '' };
      },
    }));
    await runCollectors(busy, write, limits);
    expect(most).toBe(2);
  });
});
