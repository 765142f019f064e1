import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { ContainerRuntimeClient } from 'testcontainers';
import { expect, it } from 'vitest';
import { watchMemory } from './memory.ts';

/** An engine that answers a container's figures one after the other, and after the last one tells `done`. */
function engine(answers: readonly object[], done: () => void): ContainerRuntimeClient {
  const left = [...answers];
  const stats = (): Promise<object> => {
    const answer = left.shift();
    if (left.length === 0) done();
    return answer === undefined ? Promise.reject(new Error('no such container')) : Promise.resolve(answer);
  };
  return {
    container: { dockerode: { getContainer: () => ({ stats }) } },
  } as unknown as ContainerRuntimeClient;
}

const figures = (usage: number, stats: Record<string, number>, cpuSeconds: number): object => ({
  memory_stats: { usage, stats },
  cpu_stats: { cpu_usage: { total_usage: cpuSeconds * 1e9 } },
});

it.runIf(process.platform === 'linux')(
  'adds up a process and its descendants, and takes the most that the node had without its file cache',
  async () => {
    const program = "const held = Buffer.alloc(150e6, 1); console.log('held'); setInterval(() => held, 1e6)";
    // A child of a child: the shell waits for it.
    const child = spawn('sh', ['-c', `"$0" -e "$1"; true`, process.execPath, program], {
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    });
    try {
      await once(child.stdout, 'data');
      const over = new AbortController();
      const peak = await watchMemory(
        child.pid ?? 0,
        () => Promise.resolve(['node']),
        engine(
          [
            figures(1000e6, { total_inactive_file: 200e6 }, 10),
            figures(950e6, { inactive_file: 50e6 }, 12),
            figures(800e6, { inactive_file: 100e6 }, 13),
          ],
          () => {
            over.abort();
          },
        ),
        over.signal,
      );
      expect(peak.runnerBytes).toBeGreaterThan(150e6);
      expect(peak.runnerBytes).toBeLessThan(600e6);
      expect(peak).toMatchObject({ nodeBytes: 900e6, nodeCpuSeconds: 3 });
    } finally {
      process.kill(-(child.pid ?? 0));
    }
  },
);

it('knows nothing of a node that is not there, nor of a process that is gone', async () => {
  const over = new AbortController();
  const gone = 2 ** 22 + 1; // above Linux's largest process number
  const peak = await watchMemory(
    gone,
    () => Promise.resolve(['node']),
    engine([], () => {
      over.abort();
    }),
    over.signal,
  );
  expect(peak).toEqual({ runnerBytes: undefined, nodeBytes: undefined, nodeCpuSeconds: undefined });
});
