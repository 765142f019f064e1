import { mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { convert } from 'xmlbuilder2';
import { configurationSchema } from '../configuration/configuration.ts';
import { silent } from '../progress/progress.ts';
import { Report } from './report.ts';
import { results, resultsSchema } from '../results/results.ts';
import type { StepResult } from '../results/step.ts';

const configuration = configurationSchema.parse({});
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'conformance-report-test-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const step = (id: string, status: StepResult['status'], reason = ''): StepResult => ({
  id,
  pass: 1,
  title: `title of ${id}`,
  section: 'cleanup',
  command: '',
  status,
  reason,
  durationMs: 1500,
  findings: status === 'failed' ? [{ cause: 'LEFT_BEHIND', seen: 'a', expected: 'b' }] : [],
  facts: {},
  trips: [],
  evidence: status === 'failed' ? `evidence/${id}` : '',
});

describe('a report', () => {
  it('is complete and valid when set-up failed before any step', async () => {
    const report = new Report(folder, 'run-1', configuration);
    await report.recording(silent).phase('Cluster', () => Promise.resolve());
    report.evidence = 'evidence/set-up';
    const run = await report.write({
      verdict: 'environment',
      cause: 'ENGINE_UNREACHABLE',
      reason: 'No container engine answers',
    });
    expect(run).toMatchObject({
      verdict: 'environment',
      cause: 'ENGINE_UNREACHABLE',
      exitCode: 3,
      steps: [],
    });
    const stored: unknown = JSON.parse(await readFile(join(folder, 'latest', 'results.json'), 'utf8'));
    expect(results.parse(stored)).toMatchObject({
      runId: 'run-1',
      evidence: 'evidence/set-up',
      phases: [{ title: 'Cluster' }],
    });
    const page = await readFile(join(folder, 'latest', 'report', 'index.html'), 'utf8');
    expect(page).toContain('<h1>Environment: nothing is said about Istio</h1>');
    expect(page).toContain('href="../evidence/set-up/index.md"');
    const junit = await readFile(join(folder, 'latest', 'junit.xml'), 'utf8');
    expect(junit).toContain('<error type="environment" message="No container engine answers">');
    expect(junit).toContain('<system-out>evidence: evidence/set-up/index.md</system-out>');
  });

  it('shows each step in junit.xml with its cause, and survives what XML cannot hold', async () => {
    const report = new Report(folder, 'run-2', configuration);
    report.steps.push(
      step('CLEAN-1', 'passed'),
      step('CLEAN-2', 'failed', '\u001b[31mred\u001b[0m \u0000 <&> ]]>\nsecond line'),
      step('CLEAN-6', 'skipped', 'because step CLEAN-2 failed'),
    );
    await report.write({ verdict: 'not conformant', reason: 'CLEAN-2: LEFT_BEHIND' });
    const junit = await readFile(join(folder, 'run-2', 'junit.xml'), 'utf8');
    expect(junit).toContain('tests="3" failures="1" skipped="1"');
    expect(junit).toContain('<failure type="LEFT_BEHIND" message="red  &lt;&amp;&gt; ]]&gt;">');
    expect(junit.match(/<system-out>/g)).toHaveLength(1);
    expect(junit).toContain('<system-out>evidence: evidence/CLEAN-2/index.md</system-out>');
    expect(junit).toContain('<skipped message="because step CLEAN-2 failed"/>');
    expect(() => convert(junit, { format: 'object' })).not.toThrow();
  });

  it('tells passes apart, with figures, and has no error besides the failures when they differ', async () => {
    const report = new Report(folder, 'run-3', configurationSchema.parse({ repeat: 2 }));
    report.steps.push(step('CLEAN-1', 'passed'), { ...step('CLEAN-1', 'failed', 'red'), pass: 2 });
    const run = await report.write({ verdict: 'unstable', reason: 'CLEAN-1: passed in 1 of 2' });
    expect(run).toMatchObject({ exitCode: 1, configuration: { repeat: 2 } });
    expect(run.stability).toEqual([
      { id: 'CLEAN-1', runs: 2, passed: 1, passRate: 0.5, minMs: 1500, medianMs: 1500, maxMs: 1500 },
    ]);
    const stored: unknown = JSON.parse(await readFile(join(folder, 'run-3', 'results.json'), 'utf8'));
    expect(results.parse(stored)).toMatchObject({
      stability: run.stability,
      steps: [{ pass: 1 }, { pass: 2 }],
    });
    const junit = await readFile(join(folder, 'run-3', 'junit.xml'), 'utf8');
    expect(junit).toContain('name="CLEAN-1 title of CLEAN-1 (pass 1)"');
    expect(junit).toContain('name="CLEAN-1 title of CLEAN-1 (pass 2)"');
    expect(junit.match(/<testsuite /g)).toHaveLength(1);
    expect(junit).not.toContain('<error');
  });

  it('has neither figures nor numbers of passes with a single one', async () => {
    const report = new Report(folder, 'run-4', configuration);
    report.steps.push(step('CLEAN-1', 'passed'));
    expect(await report.write({ verdict: 'conformant', reason: '' })).not.toHaveProperty('stability');
    const junit = await readFile(join(folder, 'run-4', 'junit.xml'), 'utf8');
    expect(junit).toContain('name="CLEAN-1 title of CLEAN-1"');
  });

  it('keeps its verdict where the page cannot be written, and says so', async () => {
    const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    await mkdir(join(folder, 'run-5'));
    await writeFile(join(folder, 'run-5', 'report'), 'in the way');
    const run = await new Report(folder, 'run-5', configuration).write({ verdict: 'conformant', reason: '' });
    expect(run).toMatchObject({ verdict: 'conformant', exitCode: 0 });
    expect(said).toHaveBeenCalledWith(expect.stringMatching(/^The report page was not made: EEXIST/));
    expect(await readlink(join(folder, 'latest'))).toBe('run-5');
    said.mockRestore();
  });

  it('points latest to the newest run', async () => {
    await new Report(folder, 'run-1', configuration).write({ verdict: 'conformant', reason: '' });
    await new Report(folder, 'run-2', configuration).write({ verdict: 'conformant', reason: '' });
    expect(await readlink(join(folder, 'latest'))).toBe('run-2');
  });
});

describe('a report that cannot be written', () => {
  it('is said at the start, with the folder', async () => {
    await writeFile(join(folder, 'file'), '');
    await expect(new Report(join(folder, 'file'), 'run-1', configuration).open()).rejects.toThrow(
      /^The report cannot be written to .*run-1: ENOTDIR/,
    );
  });

  it('does without latest where that is in the way', async () => {
    await mkdir(join(folder, 'latest'));
    const { verdict } = await new Report(folder, 'run-1', configuration).write({
      verdict: 'conformant',
      reason: '',
    });
    expect(verdict).toBe('conformant');
    expect((await readdir(folder)).sort()).toEqual(['latest', 'run-1']);
  });
});

describe('docs/results.schema.json', () => {
  it('is as generated (npm run generate)', async () => {
    const text = `${JSON.stringify(resultsSchema(), null, 2)}\n`;
    await expect(text).toMatchFileSnapshot('../../docs/results.schema.json');
  });
});
