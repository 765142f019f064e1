import { describe, expect, it } from 'vitest';
import { UsageError } from '../errors.ts';
import { credentialsIn, curlConfiguration, forgetCredentials, secretForms } from './credentials.ts';

const both = { CONFORMANCE_PROXY_USER: 'alice', CONFORMANCE_PROXY_PASSWORD: 'pa"ss\\word' };

describe('credentials of a user’s proxy', () => {
  it('are read, and taken out of the environment', () => {
    const environment: NodeJS.ProcessEnv = { ...both, HOME: '/root' };
    expect(credentialsIn(environment)).toEqual({ user: 'alice', password: 'pa"ss\\word' });
    forgetCredentials(environment);
    expect(environment).toEqual({ HOME: '/root' });
    expect(credentialsIn(environment)).toBeUndefined();
  });

  it.each([
    [{ CONFORMANCE_PROXY_USER: 'alice' }, 'CONFORMANCE_PROXY_PASSWORD is not'],
    [{ CONFORMANCE_PROXY_PASSWORD: 'hidden' }, 'CONFORMANCE_PROXY_USER is not'],
    [{ ...both, CONFORMANCE_PROXY_USER: 'a:b' }, 'holds a colon'],
    [{ ...both, CONFORMANCE_PROXY_PASSWORD: 'hidden\n' }, 'control character'],
  ])('are refused where they cannot be sent: %o', (environment, why) => {
    expect(() => credentialsIn(environment)).toThrow(UsageError);
    expect(() => credentialsIn(environment)).toThrow(why);
    expect(() => credentialsIn(environment)).not.toThrow('hidden');
  });

  it('are one line of curl’s configuration, escaped as curl reads it', () => {
    expect(curlConfiguration({ user: 'alice', password: 'pa"ss\\word' })).toBe(
      String.raw`proxy-user = "alice:pa\"ss\\word"`,
    );
  });

  it('are secret in every form in which they travel', () => {
    expect(secretForms({ user: 'alice', password: 'a b"' })).toEqual([
      'a b"',
      'a%20b%22',
      'a b\\"',
      Buffer.from('alice:a b"').toString('base64'),
    ]);
  });
});
