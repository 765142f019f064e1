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
