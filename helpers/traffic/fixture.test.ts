import type { V1ConfigMap, V1Deployment, V1Secret } from '@kubernetes/client-node';
import { describe, expect, it } from 'vitest';
import type { Destination } from '../destination/destination.ts';
import { UsageError } from '../errors.ts';
import { trafficObjects, type TrafficFixture } from './fixture.ts';

const destination: Destination = {
  ...{ kind: 'hermetic', because: 'asked for', url: 'https://en.wikipedia.org/wiki/Main_Page', title: 't' },
  ...{ ca: 'PEM', origin: undefined },
};

function objects(changes: Partial<TrafficFixture> = {}): ReturnType<typeof trafficObjects> {
  return trafficObjects({
    ...{ curlImage: 'curl:1', destination, told: '10.42.0.6:3128' },
    namespace: 'conformance-traffic',
    labels: { 'istio-injection': 'enabled', 'istio.io/rev': null },
    ...changes,
  });
}

describe('trafficObjects', () => {
  it('is a namespace, the scripts, and a Deployment of each workload, in that order', async () => {
    const names = (await objects()).map(({ kind = '', metadata }) => `${kind} ${metadata?.name ?? ''}`);
    expect(names).toEqual([
      'Namespace conformance-traffic',
      'ConfigMap traffic',
      'Secret traffic',
      'Deployment kept',
      'Deployment restarted',
    ]);
  });

  it('labels the namespace as told, and leaves out what is null', async () => {
    const [namespace] = await objects();
    expect(namespace?.metadata?.labels).toEqual({ 'istio-injection': 'enabled' });
  });

  it('gives the clients the proxy, the page and the CA', async () => {
    const [, configMap, secret, kept] = await objects();
    expect((secret as V1Secret).stringData).toEqual({ 'curl.conf': 'cacert = "/traffic/ca.crt"\n' });
    expect(Object.keys((configMap as V1ConfigMap).data ?? {})).toEqual([
      'requests.sh',
      'tunnels.sh',
      'ca.crt',
    ]);
    const containers = (kept as V1Deployment).spec?.template.spec?.containers ?? [];
    expect(containers.map(({ name, image }) => `${name} ${image ?? ''}`)).toEqual([
      'requests curl:1',
      'tunnels curl:1',
    ]);
    for (const { env = [] } of containers) {
      expect(env).toContainEqual({ name: 'PROXY', value: '10.42.0.6:3128' });
      expect(env.find(({ name }) => name === 'AGENT')?.value).toMatch(/ trip\/traffic-kept$/);
    }
  });

  it('tells who asks in a Secret alone, and no CA where everybody knows it', async () => {
    const page = { ...destination, kind: 'given' as const, ca: undefined };
    const all = await objects({ destination: page, credentials: { user: 'a', password: 'pass"word' } });
    expect((all[2] as V1Secret).stringData).toEqual({ 'curl.conf': 'proxy-user = "a:pass\\"word"\n' });
    expect(JSON.stringify(all.toSpliced(2, 1))).not.toContain('proxy-user');
    expect(Object.keys((all[1] as V1ConfigMap).data ?? {})).toEqual(['requests.sh', 'tunnels.sh']);
  });

  it('sends nothing to a destination that is not ours', async () => {
    await expect(objects({ destination: { ...destination, kind: 'live', ca: undefined } })).rejects.toThrow(
      UsageError,
    );
  });
});
