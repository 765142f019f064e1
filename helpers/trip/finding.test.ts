import { describe, expect, it } from 'vitest';
import { causes } from '../causes/causes.ts';
import { EnvironmentError } from '../errors.ts';
import './matchers.ts';
import { ConformanceError, findingsOf } from './finding.ts';
import { lines, soundTrip } from '../../tests/samples/trip.ts';

const passthrough = { cause: 'PASSTHROUGH', seen: 'PassthroughCluster', expected: 'cluster x' } as const;
const noProxy = { cause: 'NO_PROXY_STATEMENT', seen: 'nothing', expected: 'one line' } as const;

describe('ConformanceError', () => {
  it('tells a stranger what is wrong, why, and what to do', () => {
    const { message } = new ConformanceError([passthrough, noProxy], soundTrip());
    expect(message.split('\n')[0]).toBe(`PASSTHROUGH: ${causes.PASSTHROUGH.title}`);
    expect(message).toMatch(
      /seen +PassthroughCluster\n +expected +cluster x\n +why +With outboundTrafficPolicy/,
    );
    expect(message).toMatch(/\n +do +Compare the entry's addresses/);
    expect(message).toContain(`NO_PROXY_STATEMENT: ${causes.NO_PROXY_STATEMENT.title}`);
    expect(message).toContain('trip trip-1');
    expect(message).toContain(`sidecar: ${lines.sidecar}`);
    expect(message).toContain(`proxy: ${lines.proxy}`);
  });

  it('keeps to 110 columns, raw lines and long words apart', () => {
    const { message } = new ConformanceError([passthrough, noProxy], soundTrip());
    const raw = ['sidecar: [', 'proxy: 1', 'origin: {'];
    const long = message
      .split('\n')
      .filter((line) => !raw.some((start) => line.startsWith(start)) && [...line].length > 110);
    expect(long).toEqual([]);
  });

  it('carries its findings', () => {
    const error = new ConformanceError([passthrough]);
    expect(error.name).toBe('ConformanceError');
    expect(error).toMatchObject({ findings: [passthrough], trip: undefined });
  });

  it('needs a cause', () => {
    expect(() => new ConformanceError([])).toThrow(TypeError);
  });
});

describe('findingsOf', () => {
  const thrownBy = (work: () => void): unknown => {
    try {
      work();
    } catch (error) {
      return error;
    }
    throw new Error('nothing was thrown');
  };

  it('takes the findings of a failed matcher', () => {
    const error = thrownBy(() => {
      expect(soundTrip()).toHaveTitle('Another title');
    });
    expect(findingsOf(error)).toMatchObject([{ cause: 'TITLE_DIFFERS' }]);
  });

  it('takes the findings of a step', () => {
    const finding = { cause: 'LEFT_BEHIND', seen: 'a', expected: 'b' } as const;
    expect(findingsOf(new ConformanceError([finding]))).toEqual([finding]);
  });

  it('keeps an environment error apart from the mesh', () => {
    const error = new EnvironmentError('Image x cannot be pulled', 'Pull it first.');
    expect(findingsOf(error)).toMatchObject([
      { cause: 'ENVIRONMENT', seen: 'Image x cannot be pulled Pull it first.' },
    ]);
  });

  it('calls anything else unexplained, with its message', () => {
    expect(findingsOf(new Error('boom'))).toMatchObject([{ cause: 'UNEXPLAINED', seen: 'boom' }]);
  });
});
