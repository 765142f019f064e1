import { expect, test } from 'vitest';
import { parentConfiguration, parentOf, withoutLogin } from './parent.ts';

test.each([
  ['http://proxy.corp.example:3128', { host: 'proxy.corp.example', port: 3128, login: undefined }],
  ['http://proxy.corp.example', { host: 'proxy.corp.example', port: 80, login: undefined }],
  ['http://me:pa%20ss@10.1.2.3:8080/', { host: '10.1.2.3', port: 8080, login: 'me:pa%20ss' }],
  ['http://[fd00::1]:3128', { host: 'fd00::1', port: 3128, login: undefined }],
])('the parent in %s', (variable, parent) => {
  expect(parentOf(variable, 'own')).toEqual(parent);
});

test('what Squid in a cluster cannot use is said without its password', () => {
  expect(() => parentOf('http://me:secret@127.0.0.1:3128', 'own')).toThrow(
    "--target live: the cluster does not reach http://…@127.0.0.1:3128, which is on this machine's loopback",
  );
  expect(() => parentOf('socks5://me:secret@p:1', 'own')).toThrow('http://…@p:1'.replace('http', 'socks5'));
  expect(() => parentOf('nonsense', 'own')).toThrow('not an http:// proxy');
});

test("Squid's configuration for it, and the same without the secret", () => {
  expect(parentConfiguration(undefined)).toBe('');
  const text = parentConfiguration(parentOf('http://me:secret@p.example:3128', 'own'));
  expect(text).toBe(
    '\ncache_peer p.example parent 3128 0 no-query no-digest default login=me:secret\nnever_direct allow all\n',
  );
  expect(withoutLogin(text)).not.toContain('secret');
});

test('a login is not written into a cluster that others read in', () => {
  expect(() => parentOf('http://me:secret@p.example:3128', 'existing')).toThrow(
    '--target live: Squid would need the login of http://…@p.example:3128 in a ConfigMap',
  );
  expect(parentOf('http://p.example:3128', 'existing').login).toBeUndefined();
});
