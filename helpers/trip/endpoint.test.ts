import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatEndpoint, parseEndpoint, sameEndpoint, sameIp } from './endpoint.ts';

const ip = fc.oneof(
  fc.ipV4(),
  fc.ipV6().filter((text) => !text.includes('%')),
);
const endpoint = fc.record({ ip, port: fc.integer({ min: 1, max: 65535 }) });

describe('endpoint', () => {
  it('reads back what it wrote', () => {
    fc.assert(
      fc.property(endpoint, (one) => {
        expect(parseEndpoint(formatEndpoint(one))).toEqual(one);
      }),
    );
  });

  it.each([
    '-',
    '',
    '10.0.0.1',
    '10.0.0.1:0',
    '10.0.0.1:65536',
    '::1:80',
    '[10.0.0.1]:80',
    'host:80',
    '10.0.0.256:1',
    'envoy://connect_originate/10.0.0.1:80',
  ])('takes %j for no endpoint', (text) => {
    expect(parseEndpoint(text)).toBeUndefined();
  });

  it('knows an address however it is spelled', () => {
    expect(sameIp('2001:DB8:0:0::1', '2001:db8::1')).toBe(true);
    expect(sameIp('::ffff:10.42.0.7', '10.42.0.7')).toBe(true);
    expect(sameIp('10.42.0.7', '10.42.0.8')).toBe(false);
    expect(sameIp('fe80::1%eth0', 'fe80::1%eth0')).toBe(true);
  });

  it('takes an unknown endpoint for the same as nothing', () => {
    expect(sameEndpoint(undefined, undefined)).toBe(false);
    expect(sameEndpoint({ ip: '::1', port: 80 }, { ip: '0:0::1', port: 80 })).toBe(true);
    expect(sameEndpoint({ ip: '::1', port: 80 }, { ip: '::1', port: 81 })).toBe(false);
  });
});
