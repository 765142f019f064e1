import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

export interface ScriptRun {
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** A temporary folder to run a script of the checkout in, with commands on PATH that only note how they were called. */
export class FakeCommands implements Disposable {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'fake commands ')));
  readonly #calls = join(this.folder, 'calls');

  /** Puts a command before all others on PATH: bash; `noted` is run first and appends the arguments to the calls. */
  command(name: string, script: string): void {
    const noted = `{ printf '${name}'; printf ' [%s]' "$@"; echo; } >>"$CALLS"`;
    chmodSync(this.write(`bin/${name}`, `#!/usr/bin/env bash\n${noted}\n${script}\n`), 0o755);
  }

  /** Each call as `gh [issue] [close] [7]`. */
  called(): string[] {
    return existsSync(this.#calls) ? readFileSync(this.#calls, 'utf8').trim().split('\n') : [];
  }

  /** @returns the file's path */
  write(path: string, text: string): string {
    const file = join(this.folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  }

  /** '' where there is no such file. */
  read(path: string): string {
    const file = join(this.folder, path);
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  }

  /** @param script Absolute, or below the checkout: `scripts/tracking-issue` */
  async run(script: string, args: readonly string[], env: Record<string, string> = {}): Promise<ScriptRun> {
    const path = fileURLToPath(new URL(script, new URL('../../', import.meta.url)));
    const { exitCode, stdout, stderr } = await execa(path, args, {
      cwd: this.folder,
      extendEnv: false,
      reject: false,
      stdin: 'ignore',
      timeout: 15_000,
      env: {
        PATH: `${join(this.folder, 'bin')}${delimiter}${process.env['PATH'] ?? ''}`,
        HOME: this.folder,
        CALLS: this.#calls,
        ...env,
      },
    });
    return { code: exitCode, stdout, stderr };
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
