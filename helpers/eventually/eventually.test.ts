import { describe, expect, it } from 'vitest';
import { eventually, EventuallyError, Hopeless } from './eventually.ts';

const fast = { timeoutMs: 200, intervalMs: 1 };

describe('eventually', () => {
  it('returns the first result that does not throw', async () => {
    let calls = 0;
    const result = await eventually(
      'three calls',
      () => {
        calls += 1;
        if (calls < 3) throw new Error(`only ${calls}`);
        return calls;
      },
      fast,
    );
    expect(result).toBe(3);
  });

  it('says what it waited for, how often, how long, and what it saw last', async () => {
    const waiting = eventually(
      'pod squid to be ready',
      () => {
        throw new Error('ContainerCreating');
      },
      { timeoutMs: 30, intervalMs: 5 },
    );
    await expect(waiting).rejects.toThrow(
      /^Waited 0\.0 s \(\d+ attempts?\) for pod squid to be ready\. Last seen: ContainerCreating$/,
    );
  });

  it('asks for consecutive successes and starts over after a failure', async () => {
    const script = [true, false, true, true, true];
    let calls = 0;
    await eventually(
      'a settled state',
      () => {
        const ok = script[calls] ?? false;
        calls += 1;
        if (!ok) throw new Error('flapped');
      },
      { ...fast, consecutive: 3 },
    );
    expect(calls).toBe(5);
  });

  it('gives up at once on what cannot come true', async () => {
    let calls = 0;
    const waiting = eventually(
      'an image',
      () => {
        calls += 1;
        throw new Hopeless('ErrImageNeverPull');
      },
      fast,
    );
    await expect(waiting).rejects.toBeInstanceOf(EventuallyError);
    expect(calls).toBe(1);
  });

  it('treats a false result as a result', async () => {
    await expect(eventually('anything', () => false, fast)).resolves.toBe(false);
  });

  it('stops when aborted', async () => {
    const controller = new AbortController();
    const waiting = eventually(
      'never',
      () => {
        controller.abort(new Error('Ctrl-C'));
        throw new Error('not yet');
      },
      { ...fast, signal: controller.signal },
    );
    await expect(waiting).rejects.toThrow(/abort|Ctrl-C/i);
  });
});
