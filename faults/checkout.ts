import { cp, readFile, realpath, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { execa } from 'execa';
import type { z } from 'zod';
import { cacheDir } from '../helpers/cache.ts';
import { ownExtension } from '../helpers/installed.ts';
import { results } from '../helpers/results/results.ts';
import { makeRunFolder, removeRunFolder } from '../helpers/session/folder.ts';
import { newRunId } from '../helpers/session/session.ts';

const checkout = fileURLToPath(new URL('..', import.meta.url));
/** What a run reads. The images' recipes are among it, byte for byte, so that their fingerprints stay and nothing is built. */
const copied = [
  ...['cli', 'faults', 'fixtures', 'helpers', 'images', 'scripts', 'suites'],
  ...['package.json', 'tsconfig.json', `vitest.config.${ownExtension}`],
];
/** Where npm put the packages: of an installed suite further up. */
const packages = dirname(dirname(createRequire(import.meta.url).resolve('tsx/package.json')));

/** How `./conformance` starts the suite in a folder once Node.js and the packages are there, for a program that does so itself. */
export function startOf(folder: string): { command: [string, ...string[]]; env: Record<string, string> } {
  const main = join(folder, 'cli', `main.${ownExtension}`);
  const loader = pathToFileURL(join(packages, 'tsx', 'dist', 'loader.mjs')).href;
  const options = ownExtension === 'ts' ? ['--disable-warning=ExperimentalWarning'] : ['--import', loader];
  return {
    command: [process.execPath, ...options, main],
    env: {
      ...withoutVitest(process.env),
      TSX_TSCONFIG_PATH: join(folder, 'tsconfig.json'),
      // By paths: what V8 compiled of a copy is of no use once the copy is gone.
      ...(relative(checkout, folder) === '' && { NODE_COMPILE_CACHE: join(cacheDir(), 'compiled') }),
      NO_COLOR: '1',
    },
  };
}

export interface CheckoutRequest {
  readonly args: readonly string[];
  /** New texts of files, by their paths in the checkout. */
  readonly edits?: Readonly<Record<string, (text: string) => string>>;
  readonly env?: Readonly<Record<string, string>>;
  /** A command to run the CLI by, e.g. `unshare --mount`; it runs in the copy. */
  readonly prefix?: readonly string[];
  /** Reads what the command writes and answers it; returns what went wrong. Without it stdin is closed. */
  readonly attend?: (running: Attended) => Promise<Error | undefined>;
  readonly deadlineMs?: number;
  /** Whether the command writes a report, and so needs --report-dir; true when not given. */
  readonly report?: boolean;
}

export interface Attended {
  readonly stdin: Writable | null;
  readonly stderr: Readable;
}

export interface CheckoutRun extends AsyncDisposable {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  /** results.json; undefined when the run ended before it had a report. */
  readonly results: z.infer<typeof results> | undefined;
  /** junit.xml; '' when there is none. */
  readonly junit: string;
  /** Absolute path; it goes with the copy. */
  readonly reportFolder: string;
}

/**
 * Runs the real suite on a copy of this checkout in which something is broken. The copy is removed when the result is
 * disposed of; of a process that is killed, the next run sweeps it as it does every run's folder.
 * @throws Error when an edit changes nothing, since it would prove nothing, and when the deadline passes
 */
export async function runCheckout(request: CheckoutRequest): Promise<CheckoutRun> {
  const id = newRunId();
  const remove = (): Promise<void> => removeRunFolder(id);
  try {
    const folder = await makeRunFolder(id);
    await Promise.all(
      copied.map((name) => cp(join(checkout, name), join(folder, name), { recursive: true })),
    );
    await symlink(packages, join(folder, 'node_modules'));
    for (const [file, edit] of Object.entries(request.edits ?? {})) await change(folder, file, edit);
    return { ...(await runIn(folder, request)), [Symbol.asyncDispose]: remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function change(folder: string, file: string, edit: (text: string) => string): Promise<void> {
  const path = join(folder, file);
  const text = await readFile(path, 'utf8');
  const changed = edit(text);
  if (changed === text) throw new Error(`The edit of ${file} changes nothing: the file has another text now`);
  await writeFile(path, changed);
}

async function runIn(
  folder: string,
  { args, env = {}, prefix = [], attend, deadlineMs = 240_000, report = true }: CheckoutRequest,
): Promise<Omit<CheckoutRun, keyof AsyncDisposable>> {
  const reports = join(folder, 'reports');
  const start = startOf(folder);
  const reporting = report ? ['--report-dir', reports] : [];
  const [command = '', ...rest] = [...prefix, ...start.command, ...args, ...reporting];
  const running = execa(command, rest, {
    cwd: folder,
    env: { ...start.env, ...env },
    extendEnv: false,
    stdin: attend === undefined ? 'ignore' : 'pipe',
    reject: false,
    timeout: deadlineMs,
    // It removes its cluster first.
    forceKillAfterDelay: 60_000,
  });
  const attended = attend?.(running);
  const ended = await running;
  const { exitCode, stdout, stderr, timedOut } = ended;
  if (timedOut || exitCode === undefined) {
    const why = timedOut ? `did not end within ${deadlineMs / 1000} s` : ended.message;
    throw new Error([`${args.join(' ')}: ${why}`, stdout, stderr].join('\n'));
  }
  const problem = await attended;
  if (problem !== undefined) throw problem;
  const reportFolder = await realpath(join(reports, 'latest')).catch(() => reports);
  const json = await readFile(join(reportFolder, 'results.json'), 'utf8').catch(() => undefined);
  return {
    exitCode,
    stdout,
    stderr,
    results: json === undefined ? undefined : results.parse(JSON.parse(json)),
    junit: await readFile(join(reportFolder, 'junit.xml'), 'utf8').catch(() => ''),
    reportFolder,
  };
}

/** Keeps a run inside a test from taking itself for a vitest worker. */
export function withoutVitest(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const foreign =
    /^(VITEST|TINYPOOL|NODE_ENV$|NODE_OPTIONS$|FORCE_COLOR$|(TEST|DEV|PROD|MODE|SSR|BASE_URL)$)/;
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !foreign.test(name)));
}
