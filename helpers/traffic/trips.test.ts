import { describe, expect, it } from 'vitest';
import type { ClientLog, Exchange } from './record.ts';
import { tripsOf } from './trips.ts';

const local = { ip: '10.42.0.7', port: 43_630 };

function exchange(changes: Partial<Exchange> = {}): Exchange {
  return {
    ...{ of: 'tunnel-1', at: 1020, startedAt: 1000, exitCode: 0, status: 206, connectStatus: 0 },
    ...{ local, newConnections: 0, isLast: false, message: '' },
    ...changes,
  };
}

/** Exchanges of one tunnel, a second apart, the first of which opens it. */
function tunnel(...changes: Partial<Exchange>[]): Exchange[] {
  return changes.map((change, index) =>
    exchange({
      ...{ at: 1020 + index * 1000, startedAt: 1000 + index * 1000 },
      ...(index === 0 ? { newConnections: 1, connectStatus: 200 } : {}),
      ...change,
    }),
  );
}

function log(exchanges: readonly Exchange[], closed = true): ClientLog {
  return { exchanges, moments: { ready: 900, ...(closed ? { closed: 9000 } : {}) } };
}

const failure = { exitCode: 56, status: 0, message: 'Recv failure' };

describe('tripsOf requests', () => {
  const request = (changes: Partial<Exchange>): Exchange =>
    exchange({ of: 'request', status: 200, connectStatus: 200, newConnections: 1, ...changes });

  it.each([
    ['the page', {}, 'completed', ''],
    ['no answer to CONNECT', { ...failure, connectStatus: 0 }, 'refused', 'curl 56: Recv failure'],
    [
      'CONNECT refused',
      { ...failure, connectStatus: 403, message: '' },
      'refused',
      'curl 56, CONNECT answered 403',
    ],
    ['an error of the origin', { exitCode: 22, status: 503 }, 'refused', 'curl 22, answered 503'],
    ['somebody else’s certificate', { exitCode: 60, status: 0 }, 'refused', 'curl 60, CONNECT answered 200'],
    ['another page', { status: 302 }, 'refused', 'answered 302'],
    ['a break in the tunnel', { ...failure, connectStatus: 200 }, 'cut', 'curl 56: Recv failure'],
    ['silence in the tunnel', { exitCode: 28, status: 0, message: 'timed out' }, 'cut', 'curl 28: timed out'],
  ])('judges %s', (_name, changes, outcome, why) => {
    expect(tripsOf('requests', log([request(changes)]))).toMatchObject([
      { kind: 'requests', warm: false, outcome, why, failedAt: outcome === 'completed' ? undefined : 1000 },
    ]);
  });

  it('keeps apart what was before the first page', () => {
    expect(tripsOf('requests', log([request({ of: 'warm' })]))).toMatchObject([{ warm: true }]);
  });
});

describe('tripsOf tunnels', () => {
  it('makes one trip of all exchanges over one connection', () => {
    expect(tripsOf('tunnels', log(tunnel({}, {}, {})))).toEqual([
      {
        ...{ kind: 'tunnels', warm: false, startedAt: 1000, endedAt: 3020, connection: local },
        ...{ exchanges: 3, outcome: 'completed', failedAt: undefined, why: '' },
      },
    ]);
  });

  it('tells tunnels of the same client apart', () => {
    const second = tunnel({}, {}).map((one) => ({ ...one, of: 'tunnel-2' }));
    expect(tripsOf('tunnels', log([...tunnel({}, {}), ...second]))).toMatchObject([
      { exchanges: 2, outcome: 'completed' },
      { exchanges: 2, outcome: 'completed' },
    ]);
  });

  it('lets a server end a tunnel that said so', () => {
    const exchanges = tunnel({}, { isLast: true }, { newConnections: 1, connectStatus: 200 });
    expect(tripsOf('tunnels', log(exchanges))).toMatchObject([
      { exchanges: 2, outcome: 'completed' },
      { exchanges: 1, outcome: 'completed' },
    ]);
  });

  it('sees that curl opened another connection without a word', () => {
    const another = { newConnections: 1, connectStatus: 200, local: { ...local, port: 43_631 } };
    expect(tripsOf('tunnels', log(tunnel({}, {}, another)))).toMatchObject([
      { outcome: 'cut', failedAt: 3000, exchanges: 2, connection: local },
      { outcome: 'completed', connection: { port: 43_631 } },
    ]);
  });

  it('sees an exchange that breaks off as a cut, even when it failed to connect again', () => {
    const unconnected = { exitCode: 7, status: 0, local: undefined, newConnections: 0, message: 'refused' };
    expect(tripsOf('tunnels', log(tunnel({}, failure)))).toMatchObject([{ outcome: 'cut', failedAt: 2000 }]);
    expect(tripsOf('tunnels', log(tunnel({}, unconnected)))).toMatchObject([
      { outcome: 'cut', connection: local, exchanges: 1 },
    ]);
  });

  it('sees a tunnel that never opened as refused, and one after it as another', () => {
    const never = { ...failure, local: undefined, newConnections: 0, connectStatus: 0 };
    const again = { newConnections: 1, connectStatus: 200 };
    expect(tripsOf('tunnels', log(tunnel(never, again, {})))).toMatchObject([
      { outcome: 'refused', connection: undefined, exchanges: 0 },
      { outcome: 'completed', exchanges: 2 },
    ]);
  });

  it('does not call a tunnel completed over which another answer came', () => {
    const error = { exitCode: 22, status: 500, message: 'error: 500' };
    const [trip, ...more] = tripsOf('tunnels', log(tunnel({}, error, {})));
    expect(more).toEqual([]);
    expect(trip).toMatchObject({ outcome: 'refused', why: 'curl 22: error: 500', failedAt: 2000 });
  });

  it('calls a tunnel cut whose client went without a word', () => {
    expect(tripsOf('tunnels', log(tunnel({}, {}), false))).toMatchObject([
      { outcome: 'cut', failedAt: 2020 },
    ]);
  });
});
