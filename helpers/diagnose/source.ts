import type { ExecResult } from '../kube/exec.ts';
import type { Endpoint } from '../trip/statements.ts';
import type { Api } from './api.ts';

/** What collectors ask of a cluster that answers. */
export interface Source {
  readonly api: Api;
  /** Runs a command in a container. */
  readonly exec: (
    target: { readonly namespace: string; readonly pod: string; readonly container: string },
    command: readonly string[],
  ) => Promise<ExecResult>;
  /** All that istioctl prints, whatever it ends with; undefined when its image is not known. */
  readonly istioctl: ((args: readonly string[]) => Promise<string>) | undefined;
  /** Where the requests' proxy is, when that is known. */
  readonly proxy: Endpoint | undefined;
}

/** As `exec`, for a command that must succeed. */
export async function output(
  source: Source,
  target: Parameters<Source['exec']>[0],
  command: readonly string[],
): Promise<string> {
  const { exitCode, stdout, stderr } = await source.exec(target, command);
  if (exitCode === 0) return stdout;
  throw new Error(`\`${command.join(' ')}\` ended with exit code ${exitCode}: ${(stderr || stdout).trim()}`);
}
