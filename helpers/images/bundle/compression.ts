import { PassThrough, type Transform } from 'node:stream';
import { constants, createGunzip, createGzip, createZstdCompress, createZstdDecompress } from 'node:zlib';

/** By the file's name: `.tar.zst` and `.tar.gz` are compressed, anything else is a plain tar. */
export function compressorFor(file: string): Transform {
  // One thread: with ZSTD_c_nbWorkers Node 24 now and then ends the stream before its last bytes (ERR_STREAM_PUSH_AFTER_EOF).
  if (/\.(zst|zstd)$/.test(file)) return createZstdCompress();
  if (/\.t?gz$/.test(file)) return createGzip({ level: constants.Z_BEST_SPEED });
  return new PassThrough();
}

/** By the file's first bytes: a name may have changed on the way. */
export function decompressorFor(start: Buffer): Transform {
  if (start.subarray(0, 2).equals(Buffer.from([0x1f, 0x8b]))) return createGunzip();
  if (start.subarray(0, 4).equals(Buffer.from([0x28, 0xb5, 0x2f, 0xfd]))) return createZstdDecompress();
  return new PassThrough();
}
