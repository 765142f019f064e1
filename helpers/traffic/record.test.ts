import { describe, expect, it } from 'vitest';
import { readClientLog } from './record.ts';

const at = Date.parse('2026-11-24T05:00:00.500Z');

function read(...texts: string[]): ReturnType<typeof readClientLog> {
  return readClientLog(texts.map((text, index) => ({ at: at + index, text })));
}

describe('readClientLog', () => {
  it('reads an exchange, and when it began', () => {
    expect(read('request|7|0|200|200|10.42.0.7|43630|1|0.012345|Close|').exchanges).toEqual([
      {
        of: 'request',
        at,
        startedAt: at - 12,
        exitCode: 0,
        status: 200,
        connectStatus: 200,
        local: { ip: '10.42.0.7', port: 43_630 },
        newConnections: 1,
        isLast: true,
        message: '',
      },
    ]);
  });

  it('reads a failure with curl’s words, whatever is in them', () => {
    const [exchange] = read('tunnel-2|9|56|000|0|fd00::7|43630|0|10.0||Recv failure: a|b').exchanges;
    expect(exchange).toMatchObject({
      ...{ of: 'tunnel-2', exitCode: 56, status: 0, local: { ip: 'fd00::7', port: 43_630 } },
      ...{ message: 'Recv failure: a|b', isLast: false, startedAt: at - 10_000 },
    });
  });

  it.each(['|0', '|-1'])('reads a request that had no connection (%s)', (port) => {
    const [exchange] = read(`request|1|7|000|0|${port}|0|0.000123||Couldn't connect`).exchanges;
    expect(exchange).toMatchObject({ exitCode: 7, local: undefined });
  });

  it('reads the moments, each at its first time', () => {
    const { moments } = read('event|ready', 'event|ready', 'event|closing', 'event|odd');
    expect(moments).toEqual({ ready: at, closing: at + 2 });
  });

  it('leaves out what is no record', () => {
    expect(read('sh: out of memory', 'request|1|0|200', '').exchanges).toEqual([]);
  });
});
