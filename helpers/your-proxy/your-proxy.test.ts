import { describe, expect, it } from 'vitest';
import { UsageError } from '../errors.ts';
import { parseProxy } from './your-proxy.ts';

describe('--proxy', () => {
  it.each([
    ['10.1.2.3:3128', { name: undefined, addresses: ['10.1.2.3'], port: 3128 }],
    ['10.1.2.3:3128,10.1.2.4:3128', { name: undefined, addresses: ['10.1.2.3', '10.1.2.4'], port: 3128 }],
    ['[2001:db8::1]:8080', { name: undefined, addresses: ['2001:db8::1'], port: 8080 }],
    ['proxy.example:3128', { name: 'proxy.example', addresses: [], port: 3128 }],
    ['Proxy.Example.:3128', { name: 'proxy.example.', addresses: [], port: 3128 }],
  ])('takes %s', (told, parts) => {
    expect(parseProxy(told)).toEqual({ told, ...parts });
  });

  it.each([
    ['proxy.example', 'has no port'],
    ['proxy.example:0', 'has no port'],
    ['proxy.example:65536', 'has no port'],
    ['', 'has no port'],
    ['10.1.2:3128', 'neither an address nor a host'],
    ['-proxy:3128', 'neither an address nor a host'],
    ['[proxy]:3128', 'no IPv6 address'],
    ['2001:db8::1:3128', 'has no port'],
    ['http://proxy.example:3128', 'it is a URL'],
    ['127.0.0.1:3128', 'the pod itself'],
    ['localhost:3128', 'the pod itself'],
    ['[::1]:3128', 'the pod itself'],
    ['10.1.2.3:3128,10.1.2.4:8080', 'its ports differ'],
    ['10.1.2.3:3128,10.1.2.3:3128', 'in it twice'],
    ['proxy.example:3128,10.1.2.3:3128', 'is a name, of which there can be one alone'],
    ['10.1.2.3:3128,', 'has no port'],
  ])('refuses %s', (told, why) => {
    expect(() => parseProxy(told)).toThrow(UsageError);
    expect(() => parseProxy(told)).toThrow(why);
  });

  it.each(['alice:secret@proxy.example:3128', 'http://alice:secret@proxy.example:3128'])(
    'does not repeat a password: %s',
    (told) => {
      let said = '';
      try {
        parseProxy(told);
      } catch (error) {
        said = error instanceof UsageError ? `${error.message} ${error.hint}` : '';
      }
      expect(said).toContain('CONFORMANCE_PROXY_PASSWORD');
      expect(said).not.toContain('secret');
    },
  );
});
