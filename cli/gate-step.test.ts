import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { FakeCommands, type ScriptRun } from '../tests/support/fake-commands.ts';

const checkout = fileURLToPath(new URL('..', import.meta.url));

/** scripts/gate-step in a copy of the checkout whose ./conformance is none: `gate` is what its gate does, in bash. */
class Step extends FakeCommands {
  constructor(gate: string) {
    super();
    cpSync(join(checkout, 'scripts'), join(this.folder, 'action/scripts'), { recursive: true });
    this.command(
      'conformance',
      `case $1 in
         gate) ${gate} ;;
         summary) echo "summary of \${2##*/}" ;;
       esac`,
    );
    symlinkSync('../bin/conformance', join(this.folder, 'action/conformance'));
    mkdirSync(join(this.folder, 'reports'));
  }

  async with(env: Record<string, string>): Promise<ScriptRun> {
    return this.run(join(this.folder, 'action/scripts/gate-step'), [], {
      GITHUB_OUTPUT: join(this.folder, 'output'),
      GITHUB_STEP_SUMMARY: join(this.folder, 'summary'),
      ...env,
    });
  }
}

/** A gate that leaves a report. */
const reporting = (code: number): string =>
  `mkdir -p reports/new; ln -sfn new reports/latest; exit ${String(code)}`;
const pair = { GATE_FROM: '1.28.3', GATE_TO: '1.29.1' };

describe.concurrent('scripts/gate-step', () => {
  it('asks for what it was given, one argument each', async () => {
    using step = new Step(reporting(0));
    const all = {
      GATE_STRATEGY: 'in-place',
      GATE_STRICT: 'true',
      GATE_K8S: '1.34.4',
      GATE_IMAGES: 'mirror=harbor.example.com/dockerhub',
      GATE_EXPECTED_CHANGES: 'reviewed changes.yaml',
      GATE_ARGUMENTS: '--rollback\n\n  --timeout-scale=2\r\n--only=a b; touch pwned $(touch pwned)',
    };
    const { code } = await step.with({ ...pair, ...all });
    expect(step.called()[0]).toBe(
      `conformance [gate] [--report-dir=${join(step.folder, 'reports')}] [--from=1.28.3] [--to=1.29.1] ` +
        '[--strategy=in-place] [--k8s=1.34.4] [--images=mirror=harbor.example.com/dockerhub] ' +
        '[--expected-changes=reviewed changes.yaml] [--rollback] [--timeout-scale=2] ' +
        '[--only=a b; touch pwned $(touch pwned)] [--strict]',
    );
    expect(step.read('pwned')).toBe('');
    expect(code).toBe(0);
  });

  it('leaves out what was left empty, and lets no value become a flag or a command', async () => {
    using step = new Step(reporting(0));
    await step.with({
      GATE_FROM: '--allow-unsupported; touch pwned $(touch pwned)',
      GATE_TO: '',
      GATE_STRICT: 'false',
    });
    expect(step.called()[0]).toBe(
      `conformance [gate] [--report-dir=${join(step.folder, 'reports')}] ` +
        '[--from=--allow-unsupported; touch pwned $(touch pwned)]',
    );
    expect(step.read('pwned')).toBe('');
  });

  it.each([
    [0, 'conformant'],
    [1, 'not conformant'],
    [3, 'environment'],
    [143, 'interrupted'],
    [99, 'unknown'],
  ])('of exit code %d says: %s', async (exitCode, verdict) => {
    using step = new Step(reporting(exitCode));
    const { code } = await step.with(pair);
    expect(step.read('output')).toBe(`verdict=${verdict}\nreport=${join(step.folder, 'reports/new')}\n`);
    expect(step.read('summary')).toBe('summary of new\n');
    expect(code).toBe(exitCode);
  });

  it('takes no older report for its own', async () => {
    using step = new Step('exit 2');
    mkdirSync(join(step.folder, 'reports/old'));
    symlinkSync('old', join(step.folder, 'reports/latest'));
    const { code } = await step.with(pair);
    expect(step.read('output')).toBe('verdict=usage\nreport=\n');
    expect(step.read('summary')).toBe('');
    expect(code).toBe(2);
  });

  it('refuses another word for strict, rather than be lenient', async () => {
    using step = new Step(reporting(0));
    const { code, stderr } = await step.with({ ...pair, GATE_STRICT: 'yes' });
    expect(stderr).toContain('strict is true or false, not: yes');
    expect(step.called()).toEqual([]);
    expect(code).toBe(2);
  });

  it.each([
    [
      '--strict\nrun',
      'each line of the arguments is one flag, with its value after an equals sign, not: run',
    ],
    ['--', 'not: --'],
    ['--report-dir=/elsewhere', 'reports go to ./reports'],
    ['--report-dir\n', 'reports go to ./reports'],
  ])('refuses the arguments %j', async (lines, message) => {
    using step = new Step(reporting(0));
    const { code, stderr } = await step.with({ ...pair, GATE_ARGUMENTS: lines });
    expect(stderr).toContain(message);
    expect(step.called()).toEqual([]);
    expect(code).toBe(2);
  });

  it('works outside of GitHub too', async () => {
    using step = new Step(reporting(1));
    const env = { ...pair, GITHUB_OUTPUT: '', GITHUB_STEP_SUMMARY: '' };
    expect((await step.with(env)).code).toBe(1);
  });
});
