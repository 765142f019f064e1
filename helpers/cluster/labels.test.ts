import { execaSync } from 'execa';
import { describe, expect, it } from 'vitest';
import { decodeOwner, encodeOwner, isAlive, thisProcess } from './labels.ts';

describe('owners', () => {
  it('survive their label', () => {
    const owner = thisProcess();
    expect(decodeOwner(encodeOwner(owner))).toEqual(owner);
    expect(decodeOwner('not a label of ours')).toBeUndefined();
    expect(decodeOwner('host|not-a-pid|1')).toBeUndefined();
  });

  it('are alive while their process is', () => {
    expect(isAlive(thisProcess())).toBe(true);
  });

  it('are dead once their process ended', () => {
    const ended = Number(execaSync('sh', ['-c', 'echo $$']).stdout);
    expect(isAlive({ ...thisProcess(), pid: ended })).toBe(false);
  });

  it.runIf(process.platform === 'linux')('are dead when their process id went to another process', () => {
    expect(isAlive({ ...thisProcess(), startedAt: '1' })).toBe(false);
  });

  it('count as alive on another host, which cannot be asked', () => {
    expect(isAlive({ ...thisProcess(), host: 'elsewhere', pid: 1 })).toBe(true);
  });
});
