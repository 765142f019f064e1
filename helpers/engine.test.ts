import { expect, it } from 'vitest';
import { plainLog } from './engine.ts';

function piece(stream: number, text: string): Buffer {
  const header = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(text.length, 4);
  return Buffer.concat([header, Buffer.from(text)]);
}

it('puts the pieces of both streams together', () => {
  expect(plainLog(Buffer.concat([piece(1, 'a\n'), piece(2, 'b\n'), piece(1, '')]))).toBe('a\nb\n');
  expect(plainLog(Buffer.alloc(0))).toBe('');
});

it('leaves a log with a terminal, that has no pieces, as it is', () => {
  expect(plainLog(Buffer.from('time="now" level=info\n'))).toBe('time="now" level=info\n');
});
