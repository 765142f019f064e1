import { InvalidArgumentError } from 'commander';
import { describe, expect, it } from 'vitest';
import { configurationSchema, maxRepeat } from '../helpers/configuration/configuration.ts';
import { countTo } from './count.ts';

describe('a count given as a flag', () => {
  it.each([
    ['1', 1],
    ['50', 50],
    ['007', 7],
    ['1000', 1000],
  ])('takes %s', (value, number) => {
    expect(countTo(1000)(value)).toBe(number);
  });

  it.each([
    '0',
    '1001',
    '-1',
    '1.5',
    '1e2',
    '0x10',
    'many',
    '',
    ' 3',
    '3\n',
    'Infinity',
    '99999999999999999999',
  ])('refuses %j', (value) => {
    const count = countTo(1000);
    expect(() => count(value)).toThrow(InvalidArgumentError);
    expect(() => count(value)).toThrow(/^A whole number from 1 to 1000\.$/);
  });
});

describe('how often a configuration repeats the steps', () => {
  it('is once, unless it says otherwise', () => {
    expect(configurationSchema.parse({}).repeat).toBe(1);
    expect(configurationSchema.parse({ repeat: maxRepeat }).repeat).toBe(1000);
  });

  it.each([0, 1001, 1.5, '3'])('is never %j', (repeat) => {
    expect(configurationSchema.safeParse({ repeat }).success).toBe(false);
  });
});
