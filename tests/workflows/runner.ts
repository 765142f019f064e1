import { cp, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { z } from 'zod';
import { withoutVitest } from '../../faults/checkout.ts';
import { GitHubApi } from '../support/github-api.ts';
import { usedActions } from '../support/workflow-files.ts';

const checkout = fileURLToPath(new URL('../..', import.meta.url));
const standIns = fileURLToPath(new URL('actions', import.meta.url));

/** A job of a workflow's run, as act tells it. */
export interface Job {
  result: string;
  /** What its steps wrote to $GITHUB_STEP_SUMMARY. */
  summary: string;
  /** What its steps printed. */
  log: string;
}

export interface WorkflowRun {
  readonly exitCode: number | undefined;
  readonly seconds: number;
  /** By name: that of a job of a reusable workflow has its caller's before it. */
  readonly jobs: ReadonlyMap<string, Job>;
  /** Folder with a folder for each artifact. */
  readonly artifacts: string;
  /** All that act printed. */
  readonly output: string;
}

export interface WorkflowRequest {
  /** Folder that is the repository. */
  readonly repository: string;
  /** Its name, `OWNER/NAME`. */
  readonly name: string;
  readonly workflow: string;
  readonly event: 'schedule' | 'workflow_dispatch' | 'push';
  /** Only this job and those that it needs. */
  readonly job?: string;
  readonly variables?: Readonly<Record<string, string>>;
  readonly inputs?: Readonly<Record<string, string>>;
  /** GitHub's REST API. */
  readonly api?: string;
  /** Further actions by `OWNER/NAME@REF`, and the folders that stand for them. */
  readonly actions?: Readonly<Record<string, string>>;
}

/** A line of act's log. */
const line = z.object({
  job: z.string(),
  msg: z.string().default(''),
  raw_output: z.boolean().default(false),
  jobResult: z.string().optional(),
  command: z.string().optional(),
  content: z.string().optional(),
});

/** A temporary folder that holds repositories and what running their workflows leaves. */
export class Runner implements AsyncDisposable {
  readonly folder: string;
  #runs = 0;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async start(): Promise<Runner> {
    return new Runner(await realpath(await mkdtemp(join(tmpdir(), 'conformance-workflows-'))));
  }

  /**
   * This checkout as a repository of its own, with what is not committed yet.
   * @param edits New texts of files, by their paths
   * @param options.packages Whether the checkout's npm packages are linked into it; else each job installs them
   */
  async suite(
    edits: Readonly<Record<string, (text: string) => string>> = {},
    { packages = true }: { readonly packages?: boolean } = {},
  ): Promise<string> {
    const { stdout } = await execa('git', ['ls-files', '-co', '--exclude-standard', '-z'], { cwd: checkout });
    const files = stdout.split('\0').filter((file) => file !== '' && existsSync(join(checkout, file)));
    const texts: Record<string, string> = {};
    for (const [file, edit] of Object.entries(edits)) {
      const text = await readFile(join(checkout, file), 'utf8');
      texts[file] = edit(text);
      if (texts[file] === text)
        throw new Error(`The edit of ${file} changes nothing: the file has another text now`);
    }
    const folder = await this.repository(texts, files);
    // After the commit: it is no part of the repository, and act copies it as it copies all that .gitignore does not name.
    if (packages) await symlink(join(checkout, 'node_modules'), join(folder, 'node_modules'));
    return folder;
  }

  /** A repository with these texts by their paths, and these files of the checkout; one commit on main. */
  async repository(texts: Readonly<Record<string, string>>, files: readonly string[] = []): Promise<string> {
    const folder = await mkdtemp(join(this.folder, 'repository-'));
    for (const file of files) await cp(join(checkout, file), join(folder, file), { verbatimSymlinks: true });
    for (const [file, text] of Object.entries(texts)) {
      await mkdir(dirname(join(folder, file)), { recursive: true });
      await writeFile(join(folder, file), text);
    }
    const who = ['-c', 'user.name=test', '-c', 'user.email=test@example.com'];
    await execa('git', ['init', '--quiet', '--initial-branch', 'main'], { cwd: folder });
    await execa('git', ['add', '--all'], { cwd: folder });
    await execa('git', [...who, 'commit', '--quiet', '--message', 'As it is'], { cwd: folder });
    return folder;
  }

  /** Runs a workflow under act, its jobs on this machine one after another, in copies of the repository. */
  async run(request: WorkflowRequest): Promise<WorkflowRun> {
    const {
      repository,
      name,
      workflow,
      event,
      job,
      variables = {},
      inputs = {},
      api,
      actions = {},
    } = request;
    this.#runs += 1;
    const folder = join(this.folder, `run-${this.#runs}`);
    const artifacts = join(folder, 'artifacts');
    await mkdir(artifacts, { recursive: true });
    // Without a file of its own act asks for settings.
    await mkdir(join(folder, 'config/act'), { recursive: true });
    await writeFile(join(folder, 'config/act/actrc'), '');
    const replaced = { ...(await theStandIns()), ...actions };
    const environment = {
      ARTIFACTS: artifacts,
      GITHUB_REPOSITORY: name,
      ...(api === undefined ? {} : { GITHUB_API_URL: api }),
    };
    const label = variables['CONFORMANCE_RUNNER'] ?? 'ubuntu-latest';
    const args = [
      event,
      ...['--workflows', join('.github/workflows', workflow)],
      ...(job === undefined ? [] : ['--job', job]),
      ...['--platform', `${label}=-self-hosted`, '--json', '--rm', '--pull=false', '--concurrent-jobs', '1'],
      ...['--action-offline-mode', '--action-cache-path', join(folder, 'cache')],
      ...['--secret', `GITHUB_TOKEN=${GitHubApi.token}`],
      ...each('--env', environment),
      ...each('--var', variables),
      ...each('--input', inputs),
      ...each('--local-repository', replaced),
    ];
    const began = Date.now();
    const { exitCode, all } = await execa('act', args, {
      cwd: repository,
      extendEnv: false,
      env: { ...ownEnvironment(), XDG_CONFIG_HOME: join(folder, 'config') },
      stdin: 'ignore',
      reject: false,
      all: true,
      // It ends its jobs first.
      forceKillAfterDelay: 60_000,
    });
    const seconds = (Date.now() - began) / 1000;
    return { exitCode, seconds, jobs: jobsIn(all), artifacts, output: all };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

function each(flag: string, values: Readonly<Record<string, string>>): string[] {
  return Object.entries(values).flatMap(([name, value]) => [flag, `${name}=${value}`]);
}

/** A folder for each action that the workflows use, but for actions/checkout: act brings the repository's files by itself. */
async function theStandIns(): Promise<Record<string, string>> {
  const foreign = usedActions().filter(({ name }) => !name.startsWith('./') && name !== 'actions/checkout');
  const pairs = foreign.map(async ({ name, ref }): Promise<[string, string]> => {
    const folder = join(standIns, name.split('/')[1] ?? '');
    await readFile(join(folder, 'action.yml'));
    return [`${name}@${ref}`, folder];
  });
  return Object.fromEntries(await Promise.all(pairs));
}

/** Jobs run with the environment of act: nothing of the test, of npm, and of settings that are not the workflow's. */
function ownEnvironment(): NodeJS.ProcessEnv {
  const foreign = /^(npm_(?!config_)|GITHUB_|RUNNER_|ACTIONS_|CONFORMANCE_(?!CACHE_DIR$))/;
  return Object.fromEntries(
    Object.entries(withoutVitest(process.env)).filter(([name]) => !foreign.test(name)),
  );
}

function jobsIn(output: string): Map<string, Job> {
  const jobs = new Map<string, Job>();
  for (const text of output.split('\n')) {
    const read = line.safeParse(text.startsWith('{') ? JSON.parse(text) : undefined);
    if (!read.success) continue;
    const { job, msg, raw_output: printed, jobResult, command, content = '' } = read.data;
    const name = job.trim();
    const known = jobs.get(name) ?? { result: '', summary: '', log: '' };
    jobs.set(name, known);
    if (printed) known.log += msg;
    // Of a composite action act tells it twice.
    if (command === 'summary' && !known.summary.endsWith(content)) known.summary += content;
    known.result = jobResult ?? known.result;
  }
  return jobs;
}
