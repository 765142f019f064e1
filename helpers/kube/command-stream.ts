import { Exec } from '@kubernetes/client-node';
import type { Kube } from './client.ts';
import { exec, sink, type PodRef } from './exec.ts';

/** Gives what a command in a container prints, as it comes, until the stream ends or is aborted. */
export async function streamCommand(
  kube: Kube,
  target: PodRef,
  command: readonly string[],
  { opened, signal }: { readonly opened: () => void; readonly signal: AbortSignal },
  onData: (chunk: Buffer) => void,
): Promise<void> {
  const socket = await new Exec(kube.config).exec(
    target.namespace,
    target.pod,
    target.container,
    [...command],
    sink(onData),
    sink(() => undefined),
    null,
    false,
  );
  opened();
  await new Promise<void>((resolve) => {
    socket.onclose = () => {
      resolve();
    };
    const abort = (): void => {
      socket.close();
      resolve();
    };
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
  });
}

/**
 * `tail` with these arguments, looking for new lines ten times a second where it can be told to. On a container's file
 * system (overlayfs) GNU's polls, once a second by default; busybox's takes whole seconds only, and stays at one.
 */
export async function tailCommand(kube: Kube, target: PodRef, args: readonly string[]): Promise<string[]> {
  const often = ['-s', '0.1'];
  const { exitCode } = await exec(kube, target, ['tail', ...often, '-n', '0', '/dev/null']);
  return ['tail', ...(exitCode === 0 ? often : []), ...args];
}
