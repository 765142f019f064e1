import { describe, expect, it } from 'vitest';
import { causes } from '../causes/causes.ts';
import { ConformanceError } from './finding.ts';
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
