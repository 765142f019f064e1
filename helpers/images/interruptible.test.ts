import { expect, it } from 'vitest';
import { InterruptedError, interruptible } from './interruptible.ts';

const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => {
      reject(new Error('a tool was ended'));
    });
  });

it.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s stops the work and says so once it has ended', async (signal, exitCode) => {
  const before = process.listenerCount(signal);
  const work = interruptible('testing', undefined, untilAborted);
  process.emit(signal, signal);
  const error: unknown = await work.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(InterruptedError);
  expect(error).toMatchObject({ message: `Interrupted by ${signal} while testing.`, exitCode });
  expect(process.listenerCount(signal)).toBe(before);
});

it('passes on results, errors and the abort of the caller', async () => {
  await expect(interruptible('testing', undefined, () => Promise.resolve(1))).resolves.toBe(1);
  await expect(
    interruptible('testing', AbortSignal.abort(), () => Promise.reject(new Error('x'))),
  ).rejects.toThrow('x');
  const outer = new AbortController();
  const work = interruptible('testing', outer.signal, untilAborted);
  outer.abort();
  await expect(work).rejects.toThrow('a tool was ended');
});
