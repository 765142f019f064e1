import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { inTurns } from './in-turns.ts';

it('gives the results in order, and works on no more than so many at once', async () => {
  let now = 0;
  let most = 0;
  const results = await inTurns([5, 1, 4, 2, 3], 2, async (value) => {
    now += 1;
    most = Math.max(most, now);
    await delay(value);
    now -= 1;
    return value * 10;
  });
  expect(results).toEqual([50, 10, 40, 20, 30]);
  expect(most).toBe(2);
});

it('fails with the first error', async () => {
  await expect(inTurns([1, 2, 3], 2, (n) => Promise.reject(new Error(`no ${n}`)))).rejects.toThrow('no 1');
  expect(await inTurns([], 3, () => Promise.resolve(1))).toEqual([]);
});
