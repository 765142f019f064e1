import { beforeEach, expect, it, vi } from 'vitest';
import type { Kube } from './client.ts';
import { exec } from './exec.ts';
import { tailCommand } from './lines.ts';

vi.mock(import('./exec.ts'));

const target = { namespace: 'external', pod: 'squid', container: 'squid' };
const kube = {} as Kube;

beforeEach(() => vi.mocked(exec).mockReset());

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
