import { describe, expect, it } from 'vitest';
import type { Held } from '../istio/sidecar.ts';
import { changeLine, changeOf } from './drain-watch.ts';

const since = Date.parse('2026-11-28T10:00:00.000Z');
const tcpProxy = {
  name: 'envoy.filters.network.tcp_proxy',
  typed_config: { cluster: 'outbound|3128||host' },
};

function listener(changes: Readonly<Record<string, unknown>> = {}, later = 0): Held {
  const name = '10.42.0.5_3128';
  const content = { name, filter_chains: [{ filters: [tcpProxy] }], ...changes };
  return { name, since: since + later, content };
}

describe('changeOf', () => {
  it('is nothing while Envoy holds the listener that it held, and while there is none', () => {
    expect(changeOf(listener(), listener(), 45_000)).toBeUndefined();
    expect(changeOf(undefined, undefined, 45_000)).toBeUndefined();
  });

  it('names the field that differs, when Envoy took it, and when the old connections are closed', () => {
    const after = listener({ per_connection_buffer_limit_bytes: 65536 }, 20_000);
    const change = changeOf(listener(), after, 45_000);
    expect(change).toEqual({
      at: '2026-11-28T10:00:20.000Z',
      drainedAt: '2026-11-28T10:01:05.000Z',
      listener: '10.42.0.5_3128',
      what: 'replaced',
      differences: [
        { id: 'drain: listener /per_connection_buffer_limit_bytes', before: '(none)', after: '65536' },
      ],
    });
    if (change === undefined) throw new Error('no change');
    expect(changeLine(change)).toBe(
      'listener 10.42.0.5_3128 was replaced at 10:00:20.000: /per_connection_buffer_limit_bytes (none) → 65536',
    );
  });

  it('calls the parts of a filter chain by their names', () => {
    const changed = { ...tcpProxy, typed_config: { ...tcpProxy.typed_config, max_connect_attempts: 2 } };
    const after = listener({ filter_chains: [{ filters: [changed] }] }, 1000);
    expect(changeOf(listener(), after, 45_000)?.differences).toEqual([
      {
        id: 'drain: listener /filter_chains/0/filters/envoy.filters.network.tcp_proxy/typed_config/max_connect_attempts',
        before: '(none)',
        after: '2',
      },
    ]);
  });

  it('tells a listener that is equal and newer was gone in between', () => {
    const change = changeOf(listener(), listener({}, 5000), 45_000);
    expect(change).toMatchObject({
      what: 'removed and added',
      differences: [{ id: 'drain: listener (removed and added)' }],
    });
  });

  it('tells one that is gone and one that came', () => {
    expect(changeOf(listener(), undefined, 45_000, since + 7000)).toMatchObject({
      at: '2026-11-28T10:00:07.000Z',
      what: 'removed',
      differences: [{ id: 'drain: listener', before: '10.42.0.5_3128', after: '(none)' }],
    });
    expect(changeOf(undefined, listener(), 45_000)).toMatchObject({ what: 'added' });
  });

  it('takes another listener in its place for a replacement', () => {
    const wildcard = { ...listener({}, 3000), name: '0.0.0.0_3128' };
    expect(changeOf(listener(), wildcard, 45_000)).toMatchObject({ what: 'removed and added' });
  });
});
