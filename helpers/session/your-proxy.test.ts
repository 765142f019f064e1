import { describe, expect, it } from 'vitest';
import { configurationSchema } from '../configuration/configuration.ts';
import { UsageError } from '../errors.ts';
import { yourProxyOf } from './your-proxy.ts';

type Asked = Parameters<typeof configurationSchema.parse>[0];

const of = (asked: Asked, environment: NodeJS.ProcessEnv = {}): ReturnType<typeof yourProxyOf> =>
  yourProxyOf(configurationSchema.parse(asked), environment);
const proxy = '10.1.2.3:3128';

describe('a configuration’s own proxy', () => {
  it('is none without --proxy', () => {
    expect(of({})).toBeUndefined();
  });

  it('has its log where it was told, and is without it otherwise', () => {
    expect(of({ proxy })).toMatchObject({ addresses: ['10.1.2.3'], port: 3128, log: undefined });
    const told = 'proxies/squid-0';
    expect(of({ proxy, proxyLog: told, kubeconfig: 'f' })?.log).toMatchObject({ kind: 'pod', told });
    expect(of({ proxy, proxyLog: import.meta.filename })?.log).toMatchObject({ kind: 'file' });
  });

  it.each<[Asked, string]>([
    [{ proxyLog: '/tmp' }, 'there is no --proxy'],
    [{ proxy, target: 'hermetic' }, '--proxy and --target hermetic exclude each other'],
    [{ proxy, proxyLog: '/no/such/file' }, '--proxy-log /no/such/file cannot be read'],
    [{ proxy, proxyLog: 'proxies/squid-0' }, 'it has no such pod'],
    [{ expectTitle: 'x' }, '--expect-title describes your own page: add --destination URL'],
    [{ destination: 'https://a/' }, "--destination needs the page's title"],
    [
      { destination: 'https://a/', expectTitle: 'x', target: 'hermetic' },
      '--destination and --target hermetic exclude each other',
    ],
    [{ proxy, destinationCa: 'x' }, '--destination-ca describes your own page: add --destination URL'],
  ])('%o is refused', (asked, said) => {
    expect(() => of(asked)).toThrow(UsageError);
    expect(() => of(asked)).toThrow(said);
  });

  it('keeps its credentials, which are asked for again after they left the environment', () => {
    const environment = { CONFORMANCE_PROXY_USER: 'alice', CONFORMANCE_PROXY_PASSWORD: 'hidden' };
    const credentials = { user: 'alice', password: 'hidden' };
    expect(of({ proxy }, environment)?.credentials).toEqual(credentials);
    expect(environment).toEqual({});
    expect(of({ proxy }, environment)?.credentials).toEqual(credentials);
  });
});
