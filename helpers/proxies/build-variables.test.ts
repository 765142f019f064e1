import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { buildProxy, buildVariables } from './variables.ts';

const both = (name: string, value: string): Record<string, string> => ({
  [name]: value,
  [name.toLowerCase()]: value,
});

describe('buildProxy', () => {
  it('hands on what is set, by both names, and what differs as it is', () => {
    const environment = {
      HTTPS_PROXY: 'http://p:1',
      no_proxy: 'a',
      HTTP_PROXY: '',
      ALL_PROXY: 'x',
      OTHER: 'x',
    };
    expect(buildProxy(environment, true)).toEqual({
      buildargs: { ...both('HTTPS_PROXY', 'http://p:1'), ...both('NO_PROXY', 'a') },
    });
    expect(buildProxy({ http_proxy: 'http://a:1', HTTP_PROXY: 'http://b:1' }, true).buildargs).toEqual({
      http_proxy: 'http://a:1',
      HTTP_PROXY: 'http://b:1',
    });
  });

  it.each(['localhost', '127.0.0.1', '[::1]'])(
    'gives a build the host’s network for a proxy at %s',
    (host) => {
      const url = `http://${host}:3128`;
      expect(buildProxy({ http_proxy: url }, true)).toEqual({
        buildargs: both('HTTP_PROXY', url),
        networkmode: 'host',
      });
      expect(buildProxy({ http_proxy: url }, false)).toEqual({ buildargs: {} });
    },
  );
});

describe('buildVariables', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'authorities-'));
    vi.stubEnv('CONFORMANCE_CACHE_DIR', join(folder, 'cache'));
  });

  afterEach(async () => {
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true });
  });

  it('names a file with the CA that Node was told of, and all that Node trusts besides', async () => {
    const [own = '', ...others] = tls.rootCertificates;
    const file = join(folder, 'ca.pem');
    await writeFile(file, `a comment\n${own}\n`);
    const variables = await buildVariables({ NODE_EXTRA_CA_CERTS: file, PIP_CERT: '/as/it/is' });
    expect(Object.keys(variables).sort()).toEqual([
      'CURL_CA_BUNDLE',
      'GIT_SSL_CAINFO',
      'REQUESTS_CA_BUNDLE',
      'SSL_CERT_FILE',
    ]);
    const text = await readFile(variables['SSL_CERT_FILE'] ?? '', 'utf8');
    expect(text).toContain(own);
    expect(text).toContain(others.at(-1));
  });

  it.each([
    ['no CA is set', undefined],
    ['the file is missing', 'no/such/file'],
  ])('names none where %s', async (_why, file) => {
    await expect(buildVariables({ NODE_EXTRA_CA_CERTS: file })).resolves.toEqual({});
  });
});
