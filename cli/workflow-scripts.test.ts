import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const repository = fileURLToPath(new URL('..', import.meta.url));
let root = '';

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'workflow-scripts-'));
  await cp(join(repository, 'scripts'), join(root, 'scripts'), { recursive: true });
  await mkdir(join(root, 'bin'));
});

afterEach(() => rm(root, { recursive: true, force: true }));

async function program(path: string, text: string): Promise<void> {
  await writeFile(join(root, path), `#!/usr/bin/env bash\n${text}`);
  await chmod(join(root, path), 0o755);
}

interface Ended {
  readonly exitCode: number | undefined;
  readonly stderr: string;
}

async function run(
  script: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const { exitCode, stderr } = await execa(join(root, 'scripts', script), args, {
    cwd: root,
    env: { PATH: `${join(root, 'bin')}:${process.env['PATH'] ?? ''}`, ...env },
    reject: false,
  });
  return { exitCode, stderr };
}

function read(file: string): Promise<string> {
  return readFile(join(root, file), 'utf8').catch(() => '');
}

describe('tracking-issue', () => {
  const env = { RUN_URL: 'https://example.org/run/1' };

  /** A gh that knows these open issues and writes down what it is told. */
  async function gh(open: readonly number[]): Promise<void> {
    await program(
      'bin/gh',
      `echo "$*" >>"${root}/calls"
if [[ $1 $2 == 'issue list' ]]; then printf '%s' '${open.map((number) => `${number}\\n`).join('')}' | sed 's/\\\\n/\\n/g'; fi
for argument in "$@"; do [[ $previous == --body-file ]] && cat "$argument" >>"${root}/body"; previous=$argument; done
exit 0`
        .replace('$1 $2 ==', '"$1 $2" ==')
        .replaceAll('$previous', '${previous:-}'),
    );
    await writeFile(join(root, 'summary.md'), '| cell | verdict |\n');
  }

  it('opens one issue for a failure, with the verdicts and the run in it', async () => {
    await gh([]);
    expect(await run('tracking-issue', ['summary.md', 'success', 'failure'], env)).toMatchObject({
      exitCode: 0,
    });
    expect(await read('calls')).toMatch(/issue create --title The nightly run fails --label nightly-failure/);
    expect(await read('body')).toContain('https://example.org/run/1');
    expect(await read('body')).toContain('| cell | verdict |');
  });

  it('brings the open one up to date, and closes a second one', async () => {
    await gh([7, 9]);
    await run('tracking-issue', ['summary.md', 'failure'], env);
    const calls = await read('calls');
    expect(calls).toMatch(/issue edit 7 /);
    expect(calls).toMatch(/issue comment 7 /);
    expect(calls).toMatch(/issue close 9 /);
    expect(calls).not.toContain('issue create');
  });

  it('closes it when all is well', async () => {
    await gh([7]);
    await run('tracking-issue', ['summary.md', 'success', 'success'], env);
    expect(await read('calls')).toMatch(/issue close 7 /);
  });

  it.each([['cancelled'], ['skipped', 'skipped'], ['success', 'cancelled']])(
    'leaves it alone when nothing is known: %s %s',
    async (...results) => {
      await gh([7]);
      expect(await run('tracking-issue', ['summary.md', ...results], env)).toMatchObject({ exitCode: 0 });
      expect(await read('calls')).not.toMatch(/issue (close|edit|create|comment)/);
    },
  );

  it.each([
    { args: ['summary.md'], env, says: /usage/ },
    { args: ['summary.md', 'green'], env, says: /unknown result of a job: green/ },
    { args: ['summary.md', 'failure'], env: {}, says: /RUN_URL is not set/ },
  ])('refuses bad input: $says', async ({ args, env: given, says }) => {
    await gh([]);
    const { exitCode, stderr } = await run('tracking-issue', args, { RUN_URL: '', ...given });
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(says);
  });
});

describe('gate-step', () => {
  /** A conformance that writes down its arguments, leaves a report and ends with this code. */
  async function conformance(code: number, report = true): Promise<void> {
    await program(
      'conformance',
      `if [[ $1 == summary ]]; then echo "summary of $2"; exit 0; fi
printf '%s\\n' "$@" >"${root}/arguments"
${report ? `mkdir -p "${root}/reports/new"; ln -sfn new "${root}/reports/latest"` : ''}
exit ${code}`,
    );
  }
  const asked = { GATE_FROM: '1.28.3', GATE_TO: '1.29.1' };

  function step(env: Readonly<Record<string, string>>): Promise<Ended> {
    return run('gate-step', [], {
      GITHUB_OUTPUT: join(root, 'output'),
      GITHUB_STEP_SUMMARY: join(root, 'summary'),
      ...env,
    });
  }

  it('asks for what its environment says, one argument each', async () => {
    await conformance(0);
    await step({
      ...asked,
      GATE_STRATEGY: 'in-place',
      GATE_STRICT: 'true',
      GATE_K8S: '1.34.4',
      GATE_IMAGES: 'registry',
    });
    expect((await read('arguments')).trim().split('\n')).toEqual([
      'gate',
      `--report-dir=${root}/reports`,
      '--from=1.28.3',
      '--to=1.29.1',
      '--strategy=in-place',
      '--k8s=1.34.4',
      '--images=registry',
      '--strict',
    ]);
    expect(await read('output')).toBe(`verdict=conformant\nreport=${root}/reports/new\n`);
    expect(await read('summary')).toBe(`summary of ${root}/reports/new\n`);
  });

  it('keeps a value that looks like a flag or a command a value', async () => {
    await conformance(2, false);
    await step({ GATE_FROM: '--rollback', GATE_TO: '$(touch broken)' });
    expect(await read('arguments')).toContain('--from=--rollback\n--to=$(touch broken)\n');
  });

  it.each([
    [1, 'not conformant'],
    [2, 'usage'],
    [3, 'environment'],
    [143, 'interrupted'],
  ])('ends as the gate ended: %i is %s', async (code, verdict) => {
    await conformance(code);
    expect(await step(asked)).toMatchObject({ exitCode: code });
    expect(await read('output')).toContain(`verdict=${verdict}\n`);
  });

  it('does not take an older report for its own', async () => {
    await mkdir(join(root, 'reports/old'), { recursive: true });
    await symlink('old', join(root, 'reports/latest'));
    await conformance(2, false);
    await step(asked);
    expect(await read('output')).toBe('verdict=usage\nreport=\n');
    expect(await read('summary')).toBe('');
  });
});
