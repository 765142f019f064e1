import { expect, it } from 'vitest';
import { late, orLate } from './eventually.ts';

it('gives what work in time comes to, errors included', async () => {
  await expect(orLate(Promise.resolve(1), 1_000)).resolves.toBe(1);
  await expect(orLate(Promise.reject(new Error('no')), 1_000)).rejects.toThrow('no');
});

it('is late for work that does not end, and is not disturbed by how it ends later', async () => {
  let fail: (error: Error) => void = () => undefined;
  const work = new Promise<never>((_resolve, reject) => {
    fail = reject;
  });
  await expect(orLate(work, 5)).resolves.toBe(late);
  fail(new Error('afterwards'));
});
