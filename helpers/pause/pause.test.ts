import { expect, it } from 'vitest';
import { onPause, pause, type Paused } from './pause.ts';

const paused: Paused = { step: 'MESH-1', cause: 'BLACKHOLE', message: 'it failed', evidence: '' };

it('waits until it has been attended to', async () => {
  const seen: Paused[] = [];
  let enter = (): void => undefined;
  const entered = new Promise<void>((resolve) => {
    enter = resolve;
  });
  using _listening = onPause('run-1', async (what) => {
    seen.push(what);
    await entered;
  });
  let over = false;
  const waiting = pause('run-1', paused).then(() => {
    over = true;
  });
  await expect.poll(() => seen).toEqual([paused]);
  expect(over).toBe(false);
  enter();
  await waiting;
  expect(over).toBe(true);
});

it('goes on when attending to it failed, and hears nothing of other runs', async () => {
  const seen: string[] = [];
  using _other = onPause('run-2', (what) => {
    seen.push(what.step);
    return Promise.resolve();
  });
  using _own = onPause('run-3', () => Promise.reject(new Error('the terminal is gone')));
  await pause('run-3', paused);
  expect(seen).toEqual([]);
});
