import { describe, expect, it } from 'vitest';
import { explainDisk } from './disk.ts';
import { explainPull } from './registry.ts';

describe('explainPull', () => {
  it.each([
    ['toomanyrequests: You have reached your pull rate limit.', /docker login.*raises the limit/],
    ['(HTTP code 401) unexpected - unauthorized: authentication required', /wants a login/],
    ['pull access denied for istio/pilotx, repository does not exist', /wants a login/],
    ['manifest for istio/pilot:9.9.9 not found: manifest unknown', /no such image/],
    ['Get "https://registry-1.docker.io/v2/": x509: certificate signed by unknown authority', /trust store/],
    [
      'Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io: no such host',
      /does not reach/,
    ],
    ['net/http: TLS handshake timeout', /does not reach/],
    ['something new', /by hand/],
  ])('%s', (said, hint) => {
    const error = explainPull('docker.io/istio/pilot:1.29.1', new Error(said));
    expect(error.message).toBe(`docker.io/istio/pilot:1.29.1 could not be pulled: ${said}`);
    expect(error.hint).toMatch(hint);
  });
});

describe('explainPull of a mirror', () => {
  const mirror = 'localhost:5000/hub';
  const hint = (said: string, credentials?: string): string =>
    explainPull('localhost:5000/hub/istio/pilot:1.29.1', new Error(said), { mirror, credentials }).hint;

  it('names the registry to log in to, and why configured credentials were not sent', () => {
    expect(hint('unauthorized: authentication required')).toContain('`docker login localhost:5000`');
    expect(hint('no basic auth credentials', 'The helper is missing.')).toContain(' The helper is missing. ');
  });

  it.each([
    ['toomanyrequests: slow down', /The mirror localhost:5000, or the registry behind it, limits pulls/],
    ['manifest unknown', /copied there.*images list --images mirror=localhost:5000\/hub/],
    ['http: server gave HTTP response to HTTPS client', /insecure-registries": \["localhost:5000"\]/],
    ['x509: certificate signed by unknown authority', /certs\.d\/localhost:5000\/ca\.crt/],
  ])('%s', (said, expected) => {
    expect(hint(said)).toMatch(expected);
  });
});

describe('explainDisk', () => {
  it('explains a full disk', () => {
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    expect(explainDisk(full, '/cache')).toMatchObject({ name: 'EnvironmentError' });
  });

  it('leaves other errors as they are', () => {
    const other = new Error('other');
    expect(explainDisk(other, '/cache')).toBe(other);
  });
});
