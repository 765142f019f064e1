import { afterEach, expect, it } from 'vitest';
import { scaleTimeouts, timeouts } from './timeouts.ts';

afterEach(() => {
  scaleTimeouts(1);
});

it('are multiplied as a whole, from what they are and not from what they were', () => {
  const before = { ...timeouts };
  scaleTimeouts(3);
  scaleTimeouts(2);
  for (const [name, limit] of Object.entries(before)) expect(timeouts).toHaveProperty(name, limit * 2);
});

it('stay whole milliseconds', () => {
  scaleTimeouts(0.3333);
  expect(Object.values(timeouts).every(Number.isInteger)).toBe(true);
});
