import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tripIdOf, userAgent } from './user-agent.ts';

describe('user agent', () => {
  it('carries the trip id', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uuid(), fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/)), (id) => {
        expect(tripIdOf(userAgent(id))).toBe(id);
      }),
    );
  });

  it('says who we are', () => {
    expect(userAgent('a')).toMatch(
      /^istio-external-proxy-conformance\/\d+\.\d+\.\d+ \(\+https:\/\/\S+\) trip\/a$/,
    );
  });

  it.each(['', "a'b", 'a b', '-a', 'a'.repeat(65), 'a\n'])('refuses the id %j', (id) => {
    expect(() => userAgent(id)).toThrow(RangeError);
  });

  it.each([
    '',
    'curl/8.16.0',
    'curl/8 trip/a',
    `${userAgent('a')} trip/b`,
    userAgent('a').replace(' trip/a', ''),
  ])('finds no trip in %j', (agent) => {
    expect(tripIdOf(agent)).toBeUndefined();
  });
});
