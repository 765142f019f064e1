import type { Kube } from './client.ts';
import { exec, type PodRef } from './exec.ts';

/**
 * `tail` with these arguments, looking for new lines ten times a second where it can be told to. On a container's file
 * system (overlayfs) GNU's polls, once a second by default; busybox's takes whole seconds only, and stays at one.
 */
export async function tailCommand(kube: Kube, target: PodRef, args: readonly string[]): Promise<string[]> {
  const often = ['-s', '0.1'];
  const { exitCode } = await exec(kube, target, ['tail', ...often, '-n', '0', '/dev/null']);
  return ['tail', ...(exitCode === 0 ? often : []), ...args];
}
