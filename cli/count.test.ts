import { InvalidArgumentError } from 'commander';
import { describe, expect, it } from 'vitest';
import {
  configurationSchema,
  maxClients,
  maxRepeat,
  maxTunnels,
  maxWaves,
} from '../helpers/configuration/configuration.ts';
import { loadOf } from '../helpers/scale/load.ts';
import { planOf } from '../helpers/session/proxy.ts';
import { stepsFor } from '../suites/steps.ts';
import { countTo } from './options.ts';
import { argumentsMustBeValid } from './run.ts';

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

describe('how many trips a configuration asks for', () => {
  it('is the document’s one, unless it says otherwise', () => {
    expect(loadOf(configurationSchema.parse({}))).toBeUndefined();
    expect(loadOf(configurationSchema.parse({ tunnels: 2 }))).toEqual({ clients: 1, tunnels: 2, waves: 1 });
    expect(stepsFor(planOf(configurationSchema.parse({}))).map(({ id }) => id)).not.toContain('SCALE-1');
    expect(stepsFor(planOf(configurationSchema.parse({ waves: 2 }))).map(({ id }) => id)).toContain(
      'SCALE-1',
    );
  });

  it.each([
    { clients: 0 },
    { clients: maxClients + 1 },
    { tunnels: 1.5 },
    { tunnels: maxTunnels + 1 },
    { waves: maxWaves + 1 },
    { waves: '2' },
  ])('is never %j', (load) => {
    expect(configurationSchema.safeParse(load).success).toBe(false);
  });

  it.each([
    [{ target: 'live' }, '--target live'],
    [{ destination: 'https://example.org/', expectTitle: 'a' }, '--destination https://example.org/'],
    [{ proxy: '10.0.0.1:3128' }, '--proxy 10.0.0.1:3128'],
  ])('is refused beside %j', async (theirs, named) => {
    const asked = configurationSchema.parse({ ...theirs, clients: 2 });
    await expect(argumentsMustBeValid(asked)).rejects.toThrow(
      `--clients, --tunnels and --waves are for a proxy and a destination of the suite's own, not for ${named}`,
    );
    await argumentsMustBeValid(configurationSchema.parse(theirs));
  });
});
