import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { compressorFor, decompressorFor } from './compression.ts';

it.each(['set.tar.zst', 'set.tar.gz', 'set.tgz', 'set.tar'])(
  'what goes into %s comes out whole',
  async (file) => {
    // Of several megabytes, half of it random: a stream that is flushed more than once.
    const chunks = Array.from({ length: 64 }, (_none, index) =>
      index % 2 === 0 ? randomBytes(65_536) : Buffer.alloc(65_536, index),
    );
    const packed = await buffer(Readable.from(chunks).pipe(compressorFor(file)));
    const unpacked = await buffer(Readable.from([packed]).pipe(decompressorFor(packed.subarray(0, 4))));
    expect(unpacked.equals(Buffer.concat(chunks))).toBe(true);
  },
);
