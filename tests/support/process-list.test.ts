import { execa } from 'execa';
import { expect, it } from 'vitest';
import { eventually } from '../../helpers/eventually/eventually.ts';
import { ProcessList } from './process-list.ts';

it('finds a text in the arguments and in the environment of a process, unless that one may know it', async () => {
  const stop = new AbortController();
  const waiting = (args: readonly string[], env: Record<string, string>): unknown =>
    execa('sh', ['-c', 'read -r line', ...args], { env, cancelSignal: stop.signal, reject: false });
  waiting(['told-by-4711'], {});
  waiting(['heir-of-4711'], { SOME_SECRET: 'told-by-4711' });
  waiting(['owner'], { SOME_SECRET: 'told-by-4711' });
  await using list = new ProcessList(['told-by-4711'], 'heir-of-4711', (command) =>
    command.endsWith('owner'),
  );
  await eventually(
    'both to be found',
    () => {
      if (list.found.size < 2) throw new Error([...list.found].join('; '));
    },
    { timeoutMs: 10_000, intervalMs: 50 },
  );
  stop.abort();
  expect([...list.found].map((text) => text.replace(/^\d+ /, '')).sort()).toEqual([
    'arguments: sh -c read -r line told-by-4711',
    'environment: sh -c read -r line heir-of-4711',
  ]);
  expect(list.seen.size).toBe(1);
});
