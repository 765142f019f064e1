import type { Kube } from '../kube/client.ts';
import { exec, ExecError, type PodRef } from '../kube/exec.ts';

/**
 * `squid -k interrupt`: Squid ends at once. On SIGTERM alone, which the kubelet sends, it waits 30 s
 * (shutdown_lifetime, which the document's configuration leaves alone) for connections that no client has open.
 * The process is found by its name: PID 1 may be a shell that keeps signals to itself, as in ubuntu/squid.
 */
export async function interruptSquid(kube: Kube, squid: PodRef): Promise<void> {
  try {
    await exec(kube, squid, ['sh', '-c', signalSquid('INT')]);
  } catch (error) {
    // It ended before the signal came.
    if (!(error instanceof ExecError)) throw error;
  }
}

/** A shell's command that sends the signal to every process of Squid's in its container. */
export function signalSquid(signal: 'INT' | 'HUP'): string {
  return `for p in /proc/[0-9]*; do read -r name <$p/comm && [ "$name" = squid ] && kill -${signal} "\${p#/proc/}"; done 2>/dev/null; true`;
}
