import { ActionableError, EnvironmentError, messageOf } from '../../errors.ts';
import type { Progress } from '../../progress/progress.ts';
import { cacheDir, exists, inCache } from '../../cache.ts';
import { explainDisk, mustHaveSpace } from '../disk.ts';
import { engineFolder, type Architecture } from '../../engine.ts';
import { roles, type Role } from '../roles.ts';
import type { SourceVersions } from '../versions.ts';
import { execute, plan, type Plan, type Step } from './graph.ts';
import { removeStages } from './image.ts';
import { sourceRecipes } from './recipes.ts';
import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

/** The set's references, and what has to be built before all of them exist. */
export interface SourcePlan {
  readonly references: Readonly<Record<Role, string>>;
  readonly plan: Plan;
}

/**
 * Reads recipes and asks the engine what it has; builds nothing.
 * @param options.without Roles that something else plays; their reference is ''
 */
export async function planSourceSet(
  versions: SourceVersions,
  architecture: Architecture,
  options: { readonly rebuild?: boolean; readonly without?: readonly Role[] } = {},
): Promise<SourcePlan> {
  const recipes = sourceRecipes(versions, architecture);
  const wanted = roles.filter((role) => options.without?.includes(role) !== true);
  const planned = await plan(
    wanted.map((role) => recipes[role]),
    options,
  );
  const references = Object.fromEntries(
    roles.map((role) => [role, planned.outputs.get(recipes[role]) ?? '']),
  );
  return { references: references as Record<Role, string>, plan: planned };
}

/**
 * Builds what is missing. Only for the holder of the cache's lock.
 * @throws EnvironmentError naming the step that failed and the build's log
 */
export async function buildSourceSet(
  { plan: planned }: SourcePlan,
  progress: Progress,
  { rebuild = false, signal }: { readonly rebuild?: boolean; readonly signal?: AbortSignal } = {},
): Promise<void> {
  mustBuildForThisMachine();
  await mustHaveSourceTools(planned);
  const needed = planned.missing.reduce((sum, { bytes }) => sum + bytes, 0);
  await mustHaveSpace(cacheDir(), needed, 'building the images from source');
  await using log = await BuildLog.open();
  await progress.phase('Building images from source', async (report) => {
    const now = new Map<Step, string>();
    const show = (): void => {
      const done = planned.missing.length - pending.size;
      const parts = [...now].map(([{ name }, detail]) => `${name}: ${detail}`);
      report([`${done} of ${planned.missing.length} steps`, ...parts].join('; '));
    };
    const pending = new Set(planned.missing);
    try {
      await execute(
        planned,
        async (step, basics) => {
          const reportStep = (detail: string): void => {
            now.set(step, detail);
            show();
          };
          reportStep('starting');
          try {
            await step.make({
              ...basics,
              rebuild,
              report: reportStep,
              log: (line) => {
                log.line(step.name, line);
              },
            });
          } catch (error) {
            // The step that was only told to stop is not the one that failed.
            if (basics.signal.aborted) throw error;
            throw await explainFailure(step, error, log);
          }
          now.delete(step);
          pending.delete(step);
          show();
        },
        signal,
      );
    } finally {
      await removeStages();
    }
  });
}

async function explainFailure(step: Step, error: unknown, log: BuildLog): Promise<unknown> {
  const explained = explainDisk(error, `${cacheDir()}, ${await engineFolder()}`);
  if (explained instanceof ActionableError) return explained;
  const [said = ''] = messageOf(error).split('\n');
  return new EnvironmentError(
    [`Building from source failed at ${step.name}: ${said}`, ...log.tail(step.name).slice(-15)].join('\n  '),
    `The whole log: ${log.path}. What was built before stays; the next run goes on from there.`,
    { cause: error },
  );
}

/** Binaries and Debian packages are built for the processor and system of this machine. */
function mustBuildForThisMachine(): void {
  if (process.platform === 'linux') return;
  throw new EnvironmentError(
    `The images can be built from source on Linux only, not on ${process.platform}.`,
    'Take the published images (--images registry), or run this on a Linux machine.',
  );
}

const kept = 25;

/** Everything that tools and engine say during one build, in a file; the last lines of each step at hand. */
class BuildLog implements AsyncDisposable {
  readonly path: string;
  private readonly stream: WriteStream;
  private readonly last = new Map<string, string[]>();

  private constructor(path: string) {
    this.path = path;
    this.stream = createWriteStream(path, { flags: 'a' });
    // A full disk must fail the step that fills it, not its log.
    this.stream.on('error', () => undefined);
  }

  static async open(): Promise<BuildLog> {
    await mkdir(inCache('logs'), { recursive: true });
    return new BuildLog(inCache('logs', `build-${new Date().toISOString().replace(/[:.]/g, '-')}.log`));
  }

  line(step: string, text: string): void {
    const line = text.trimEnd();
    if (line === '') return;
    this.stream.write(`[${step}] ${line}\n`);
    const lines = this.last.get(step) ?? [];
    lines.push(line);
    if (lines.length > kept) lines.shift();
    this.last.set(step, lines);
  }

  tail(step: string): readonly string[] {
    return this.last.get(step) ?? [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stream.end();
    await finished(this.stream).catch(() => undefined);
  }
}

const prepareHost = fileURLToPath(new URL('../../../scripts/prepare-host', import.meta.url));

/**
 * Has the project's own script check, and where it can install, the tools that a build needs. It talks to the
 * user itself.
 * @throws EnvironmentError when they are missing; the script has said which
 */
async function mustHaveSourceTools({ missing }: Plan): Promise<void> {
  if (!(await exists(prepareHost))) return;
  // Its words go where progress goes: standard output is for results.
  const runc = missing.some(({ name }) => name === 'runc') ? ['--runc'] : [];
  const { exitCode } = await execa(prepareHost, ['source-tools', ...runc], {
    stdin: 'inherit',
    stdout: process.stderr,
    stderr: 'inherit',
    reject: false,
  });
  if (exitCode === 0) return;
  throw new EnvironmentError(
    'Tools for building the images from source are missing on this machine; they are named above.',
    'Install them, or take the published images: --images registry.',
  );
}
