import { expect, it } from 'vitest';
import { targetOf } from './target.ts';

it.each([
  ['https://en.wikipedia.org/wiki/Main_Page', 'en.wikipedia.org:443'],
  ['https://en.wikipedia.org:444/', 'en.wikipedia.org:444'],
  ['https://[2001:db8::1]/', '[2001:db8::1]:443'],
  ['http://example.com', 'http://example.com/'],
])('the target of %s is %s', (url, target) => {
  expect(targetOf(url)).toBe(target);
});

it('refuses other schemes', () => {
  expect(() => targetOf('ftp://example.com')).toThrow(TypeError);
});
