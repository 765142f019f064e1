import { expect, it } from 'vitest';
import { secretsIn } from './bundle.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

it.each([
  ['a key', '-----BEGIN RSA PRIVATE KEY-----', ['PRIVATE KEY']],
  ['a key in a Secret', `tls.key: ${base64('-----BEGIN PRIVATE KEY-----\nMIIE')}`, ['LS0tLS1CRUdJTiBQUklW']],
  [
    'a token',
    `token: ${base64('{"alg":"RS256"}')}.${base64('{"iss":"kubernetes"}')}.c2ln`,
    ['eyJhbGciOiJSUzI1NiJ9.'],
  ],
  ['a certificate', `caBundle: ${base64('-----BEGIN CERTIFICATE-----\nMIIC')}`, []],
  ['a key that was removed', 'tls.key: "[removed]"', []],
])('secretsIn tells %s', (_what, text, secrets) => {
  expect(secretsIn(text).map((word) => word.slice(0, 20))).toEqual(secrets.map((word) => word.slice(0, 20)));
});
