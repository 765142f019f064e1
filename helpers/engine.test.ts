import { describe, expect, it } from 'vitest';
import { imagesFolderOf, plainLog } from './engine.ts';

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

describe('imagesFolderOf', () => {
  it.each([
    ['its own folder, with its own stores', [['Backing Filesystem', 'extfs']], '/var/lib/docker'],
    [
      "containerd's root, with containerd's store",
      [['driver-type', 'io.containerd.snapshotter.v1']],
      '/var/lib/containerd',
    ],
    ['its own folder, of an engine that says nothing', undefined, '/var/lib/docker'],
  ])('%s', (_what, DriverStatus, folder) => {
    expect(imagesFolderOf({ DockerRootDir: '/var/lib/docker', DriverStatus })).toBe(folder);
  });
});
