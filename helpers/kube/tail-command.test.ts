import { afterAll, beforeEach, expect, it, vi } from 'vitest';
import type { Kube } from './client.ts';

// Other files have imported it: these get one of their own, by which nothing is executed.
vi.resetModules();
vi.doMock(import('./exec.ts'));
const { exec } = await import('./exec.ts');
const { tailCommand } = await import('./lines.ts');

const target = { namespace: 'external', pod: 'squid', container: 'squid' };
const kube = {} as Kube;

beforeEach(() => vi.mocked(exec).mockReset());
afterAll(() => {
  vi.doUnmock(import('./exec.ts'));
  vi.resetModules();
});

it('looks ten times a second where tail takes a fraction of a second, which is tried once', async () => {
  vi.mocked(exec).mockResolvedValueOnce({ exitCode: 0, stdout: '', stderr: '' });
  expect(await tailCommand(kube, target, ['-F', '/log'])).toEqual(['tail', '-s', '0.1', '-F', '/log']);
  expect(exec).toHaveBeenCalledExactlyOnceWith(kube, target, ['tail', '-s', '0.1', '-n', '0', '/dev/null']);
});

it('leaves tail its own pace where it does not, as busybox’s', async () => {
  vi.mocked(exec).mockResolvedValueOnce({
    ...{ exitCode: 1, stdout: '' },
    stderr: "tail: invalid number '0.1'",
  });
  expect(await tailCommand(kube, target, ['-F', '/log'])).toEqual(['tail', '-F', '/log']);
});
