import { mkdir, mkdtemp, readdir, realpath, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { withoutVitest } from '../../faults/checkout.ts';

const checkout = fileURLToPath(new URL('../..', import.meta.url));

/** A command's output and exit code. */
export interface Ended {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  /** stdout and stderr, as a terminal shows them. */
  readonly output: string;
}

/** A user's machine without a checkout: the package as npm packs it, folders of theirs, and an npm that has nothing installed. */
export class Elsewhere implements AsyncDisposable {
  readonly folder: string;
  /** The package's file. */
  readonly tarball: string;
  /** The files in it, by their paths. */
  readonly files: readonly string[];
  readonly #environment: NodeJS.ProcessEnv;

  private constructor(
    folder: string,
    environment: NodeJS.ProcessEnv,
    packed: { readonly filename: string; readonly files: readonly { readonly path: string }[] },
  ) {
    this.folder = folder;
    this.#environment = environment;
    this.tarball = join(folder, packed.filename);
    this.files = packed.files.map(({ path }) => path);
  }

  /** `npm pack` in the checkout. */
  static async pack(): Promise<Elsewhere> {
    const folder = await realpath(await mkdtemp(join(tmpdir(), 'conformance-package-')));
    try {
      const environment = withoutNpm(withoutVitest(process.env));
      const { stdout: cache } = await execa('npm', ['config', 'get', 'cache'], {
        env: environment,
        extendEnv: false,
      });
      // What npm has downloaded is used; what npx installs goes with the folder.
      await mkdir(join(folder, 'npm'));
      await symlink(join(cache, '_cacache'), join(folder, 'npm/_cacache'));
      const own = {
        ...environment,
        npm_config_cache: join(folder, 'npm'),
        npm_config_loglevel: 'error',
        NO_COLOR: '1',
      };
      const { stdout } = await execa('npm', ['pack', '--json', '--pack-destination', folder], {
        cwd: checkout,
        env: own,
        extendEnv: false,
      });
      return new Elsewhere(folder, own, packedOf(stdout));
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** Runs a command in one of the folders. */
  async run(folder: string, command: string, ...args: readonly string[]): Promise<Ended> {
    const cwd = join(this.folder, folder);
    await mkdir(cwd, { recursive: true });
    const { exitCode, stdout, all } = await execa(command, args, {
      cwd,
      env: this.#environment,
      extendEnv: false,
      all: true,
      reject: false,
      stdin: 'ignore',
      timeout: 380_000,
      // It removes its cluster first.
      forceKillAfterDelay: 60_000,
    });
    return { exitCode, stdout, output: all };
  }

  /** Every file below a folder, with its size and the time of its last change. */
  async state(folder: string): Promise<string[]> {
    const root = join(this.folder, folder);
    const entries = await readdir(root, { recursive: true, withFileTypes: true });
    const files = entries
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name));
    const states = files.map(async (path) => {
      const { size, mtimeMs } = await stat(path);
      return `${path} ${size} ${mtimeMs}`;
    });
    return (await Promise.all(states)).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** `npm pack --json` after whatever the package's own scripts printed; npm 12 gives an object by name, before it a list. */
function packedOf(stdout: string): { filename: string; files: { path: string }[] } {
  const [json = ''] = /^[[{]\n?[^]*$/m.exec(stdout) ?? [];
  const parsed = JSON.parse(json) as Record<string, { filename: string; files: { path: string }[] }>;
  const [packed] = Object.values(parsed);
  if (packed === undefined) throw new Error(`npm pack named no package: ${stdout}`);
  return packed;
}

/** npm tells the scripts it runs which package they belong to, and an npm in them would believe it. */
function withoutNpm(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const foreign =
    /^(npm_(lifecycle|package|command|execpath|node_execpath|config_(local_prefix|prefix|global_prefix))|INIT_CWD$)/;
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !foreign.test(name)));
}
