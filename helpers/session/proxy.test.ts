import { describe, expect, it } from 'vitest';
import { configurationSchema } from '../configuration/configuration.ts';
import { UsageError } from '../errors.ts';
import { checkedProxy, planOf } from './proxy.ts';

type Asked = Parameters<typeof configurationSchema.parse>[0];

const of = (asked: Asked, environment: NodeJS.ProcessEnv = {}): ReturnType<typeof checkedProxy> =>
  checkedProxy(planOf(configurationSchema.parse(asked)), environment);
const proxy = '10.1.2.3:3128';

describe('the proxy of a configuration', () => {
  it('is deployed without --proxy', () => {
    expect(of({})).toEqual({ kind: 'deployed' });
  });

  it('has its log where the user says, and no log otherwise', () => {
    expect(of({ proxy })).toMatchObject({ addresses: ['10.1.2.3'], port: 3128, log: undefined });
    const text = 'proxies/squid-0';
    expect(of({ proxy, proxyLog: text, kubeconfig: 'f' })).toMatchObject({ log: { kind: 'pod', text } });
    expect(of({ proxy, proxyLog: import.meta.filename })).toMatchObject({ log: { kind: 'file' } });
  });

  it.each<[Asked, string]>([
    [{ proxyLog: '/tmp' }, 'there is no --proxy'],
    [{ proxy, target: 'hermetic' }, '--proxy and --target hermetic exclude each other'],
    [{ proxy, proxyLog: '/no/such/file' }, '--proxy-log /no/such/file cannot be read'],
    [{ proxy, proxyLog: 'proxies/squid-0' }, 'the cluster that the run starts has no such pod'],
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

  it('keeps its credentials for whoever asks after they left the environment', () => {
    const environment = { CONFORMANCE_PROXY_USER: 'alice', CONFORMANCE_PROXY_PASSWORD: 'hidden' };
    const credentials = { user: 'alice', password: 'hidden' };
    expect(of({ proxy }, environment)).toMatchObject({ credentials });
    expect(environment).toEqual({});
    expect(of({ proxy }, environment)).toMatchObject({ credentials });
  });
});
