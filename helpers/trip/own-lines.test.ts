import { describe, expect, it } from 'vitest';
import { foreignLine, ownLine } from './own-lines.ts';

const line = (user: string, target = 'en.wikipedia.org:443'): string =>
  `1795362445.652      7 192.0.2.9 TCP_TUNNEL/200 2085 CONNECT ${target} ${user} HIER_DIRECT/10.42.0.4 -`;
const hosts = ['en.wikipedia.org'];

describe('a line of somebody else’s proxy', () => {
  it('is kept without the name of the suite’s own user', () => {
    const kept = line('[user]');
    expect(ownLine(line('alice'), { hosts, user: 'alice' })).toBe(kept);
    expect(ownLine(line('alice@EXAMPLE.COM'), { hosts, user: 'alice' })).toBe(kept);
    expect(ownLine(line('EXAMPLE%5CAlice'), { hosts, user: 'alice' })).toBe(kept);
    expect(ownLine(line('%zz-alice'), { hosts, user: 'alice' })).toBe(kept);
  });

  it('is kept as it is where the proxy asks nobody', () => {
    expect(ownLine(line('-'), { hosts, user: undefined })).toBe(line('-'));
    expect(ownLine(line('-'), { hosts, user: 'alice' })).toBe(line('-'));
  });

  it('is not kept when it tells of other people', () => {
    expect(ownLine(line('bob'), { hosts, user: 'alice' })).toBeUndefined();
    expect(ownLine(line('bob'), { hosts, user: undefined })).toBeUndefined();
    expect(ownLine(line('-', 'mail.example:443'), { hosts, user: undefined })).toBeUndefined();
  });

  it('is told of without its text when it has another format', () => {
    const common =
      '192.0.2.9 - alice [22/Nov/2026:15:47:25 +0000] "CONNECT en.wikipedia.org:443 HTTP/1.1" 200';
    expect(ownLine(common, { hosts, user: 'alice' })).toBe(foreignLine);
    expect(ownLine('started', { hosts, user: 'alice' })).toBeUndefined();
  });
});
