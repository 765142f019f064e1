import { execa } from 'execa';
import { buildVariables } from '../../proxies/variables.ts';
import type { Work } from './graph.ts';

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly onLine?: (line: string) => void;
}

/**
 * Runs a tool with its output in the build's log, and ends it when the build is cancelled. The tool gets this
 * process's proxy and CA settings.
 * @returns the lines of its standard output
 * @throws ExecaError when it fails or is not there
 */
export async function command(
  { log, signal }: Pick<Work, 'log' | 'signal'>,
  file: string,
  args: readonly string[],
  { cwd, env, onLine }: CommandOptions = {},
): Promise<string[]> {
  log(`$ ${[file, ...args].join(' ')}`);
  const child = execa(file, args, {
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...(await buildVariables(process.env)), ...env },
    stdin: 'ignore',
    lines: true,
    all: true,
    cancelSignal: signal,
    // go and mmdebstrap remove their temporary folders on it.
    killSignal: 'SIGINT',
    forceKillAfterDelay: 10_000,
  });
  for await (const line of child.iterable({ from: 'all' })) {
    log(line);
    onLine?.(line);
  }
  return (await child).stdout;
}
