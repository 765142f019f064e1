import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { EnvironmentError, UsageError } from '../helpers/errors.ts';
import { failedResult, runResults } from '../tests/samples/results.ts';
import { withoutVitest } from '../faults/checkout.ts';
import { reportCommand } from './program.ts';

let folder: string;
let said: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'conformance-report-command-'));
  said = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    said += String(text);
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

function stored(name: string, run = runResults({ runId: name })): string {
  mkdirSync(join(folder, name));
  writeFileSync(join(folder, name, 'results.json'), JSON.stringify(run));
  return join(folder, name);
}

async function command(...words: readonly string[]): Promise<unknown> {
  return reportCommand()
    .exitOverride()
    .parseAsync(['node', 'report', ...words]);
}

it('makes a run’s page again, from its folder or its file', async () => {
  const run = stored('one');
  await command(run);
  expect(said).toBe(`Page:   ${join(run, 'report', 'index.html')}\n`);
  expect(readFileSync(join(run, 'report', 'index.html'), 'utf8')).toContain('<h1>Conformant</h1>');
  await command(join(run, 'results.json'), '--output', join(folder, 'deep', 'page.html'));
  expect(readFileSync(join(folder, 'deep', 'page.html'), 'utf8')).toContain('<h1>Conformant</h1>');
});

it('does so as a program of its own, which reads no JSX by itself', async () => {
  const [before, after] = [stored('before'), stored('after')];
  const env = withoutVitest(process.env);
  for (const words of [[after], ['--compare', before, after]]) {
    const { stdout } = await execa(process.execPath, ['cli/main.ts', 'report', ...words], {
      env,
      extendEnv: false,
    });
    expect(stdout).toContain(`Page:   ${join(after, 'report')}`);
  }
});

it('cuts out what an older edition may have left in', async () => {
  const secret = 'postgres://user:hunter2-hunter2@host/db';
  const run = stored('one', runResults({ reason: secret, verdict: 'environment' }));
  await command(run);
  expect(readFileSync(join(run, 'report', 'index.html'), 'utf8')).not.toContain('hunter2');
});

it('compares two runs, as lines and as a page beside the second one’s', async () => {
  const before = stored('before');
  const after = stored('after', runResults({ runId: 'after', steps: [failedResult('NOT_CAPTURED')] }));
  await command('--compare', before, after);
  expect(said).toContain('MESH-2    the page arrives: passed → failed: NOT_CAPTURED');
  const page = join(after, 'report', 'compared-with-before.html');
  expect(said).toContain(`Page:   ${page}\n`);
  expect(readFileSync(page, 'utf8')).toContain('<h1>1 step got worse</h1>');
});

it('gives the page a name that stays in its folder, whatever the run calls itself', async () => {
  const before = stored('before', runResults({ runId: '../../../etc/x' }));
  const after = stored('after');
  await command('--compare', before, after);
  expect(said).toContain(join(after, 'report', 'compared-with--etc-x.html'));
});

it.each([
  [['--compare', 'one'], '--compare takes two runs, not 1.'],
  [['--compare', 'one', 'two', 'three'], '--compare takes two runs, not 3.'],
  [['one', 'two'], 'report makes the page of one run, not of 2.'],
  [['no-such-run'], 'There is no report at no-such-run.'],
])('refuses %j', async (words, message) => {
  const error: unknown = await command(...words).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(UsageError);
  expect((error as UsageError).message).toBe(message);
});

it('says where a page cannot be written, and what to do', async () => {
  const run = stored('one');
  writeFileSync(join(run, 'report'), 'in the way');
  const error: unknown = await command(run).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(EnvironmentError);
  expect((error as EnvironmentError).message).toMatch(/^The page cannot be written to .*index\.html: /);
});
