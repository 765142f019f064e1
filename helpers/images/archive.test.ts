import { describe, expect, it } from 'vitest';
import { archiveDigest } from './archive.ts';

const pilot = { name: 'a/pilot:1', digest: 'sha256:1' };
const squid = { name: 'a/squid:1', digest: 'sha256:2' };

describe('archiveDigest', () => {
  it('does not depend on the order', () => {
    expect(archiveDigest([pilot, squid])).toBe(archiveDigest([squid, pilot]));
  });

  it('depends on the images and on their names', () => {
    const digests = [
      [pilot],
      [pilot, squid],
      [{ ...pilot, digest: 'sha256:3' }],
      [{ ...pilot, name: 'a/pilot:2' }],
    ];
    expect(new Set(digests.map(archiveDigest)).size).toBe(digests.length);
  });
});
