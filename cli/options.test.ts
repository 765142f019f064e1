import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { startOf } from '../faults/checkout.ts';
import { eventSchema } from '../helpers/events/events.ts';
import { chosenSettings, optionsFor, settingLines, type Chosen } from './options.ts';

async function chosen(
  folder: string,
  words: readonly string[],
  environment: Record<string, string> = {},
): Promise<Chosen> {
  const command = new Command('try')
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
    .option('--config <file>');
  const offered = ['target', 'steps', 'grep', 'keep', 'reuse', 'failFast', 'timeoutScale', 'verbosity'];
  for (const option of offered.flatMap(optionsFor)) command.addOption(option);
  command.parse(['--config', join(folder, 'conformance.config.mjs'), ...words], { from: 'user' });
  return chosenSettings(command, environment);
}

async function withFile<T>(text: string, use: (folder: string) => Promise<T>): Promise<T> {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'conformance-settings-'));
  await writeFile(join(folder.path, 'conformance.config.mjs'), text);
  return await use(folder.path);
}

describe('the settings of a command', () => {
  it('are flags before environment before file before defaults', async () => {
    const { run } = await withFile(
      "export default { target: 'live', failFast: true, timeoutScale: 3, verbosity: 'quiet' }",
      (folder) =>
        chosen(folder, ['--step', 'MESH-1', '--step', 'MESH-2', '--timeout-scale', '2', '--verbose'], {
          CONFORMANCE_TARGET: 'hermetic',
          CONFORMANCE_TIMEOUT_SCALE: '4',
        }),
    );
    expect(run.values).toMatchObject({
      steps: ['MESH-1', 'MESH-2'],
      target: 'hermetic',
      failFast: true,
      timeoutScale: 2,
      verbosity: 'verbose',
    });
    expect(run.origins).toMatchObject({
      steps: '--step',
      target: 'CONFORMANCE_TARGET',
      failFast: expect.stringMatching(/conformance\.config\.mjs$/) as string,
      timeoutScale: '--timeout-scale',
      verbosity: '--verbose',
      repeat: 'default',
    });
    expect(settingLines(run)).toEqual(
      expect.arrayContaining([expect.stringMatching(/^ {2}target +hermetic +CONFORMANCE_TARGET$/)]),
    );
  });

  it('leave alone what the command has no flag for', async () => {
    const { run } = await withFile('export default { repeat: 9 }', (folder) =>
      chosen(folder, [], { CONFORMANCE_INJECTION: 'manual' }),
    );
    expect(run.values).toMatchObject({ repeat: 1, injection: 'auto' });
  });

  it('keep a cluster that is used again', async () => {
    const { run } = await withFile('export default {}', (folder) => chosen(folder, ['--reuse']));
    expect(run.values).toMatchObject({ reuse: true, keep: true });
    expect(run.origins).toMatchObject({ reuse: '--reuse', keep: '--reuse' });
  });

  it.each([
    [['--grep', '('], '--grep: it is no regular expression'],
    [['--timeout-scale', '0.01'], 'A number from 0.1 to 20.'],
    [['--timeout-scale', '21'], 'A number from 0.1 to 20.'],
    [['--timeout-scale', '1e1'], 'A number from 0.1 to 20.'],
    [['--timeout-scale', ''], 'A number from 0.1 to 20.'],
    [['--timeout-scale', '-1'], 'A number from 0.1 to 20.'],
  ])('refuse %j', async (words, message) => {
    await withFile('export default {}', (folder) =>
      expect(async () => chosen(folder, words)).rejects.toThrow(message),
    );
  });
});

/** The CLI itself, in a folder of its own. */
async function cli(
  folder: string,
  ...words: readonly string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const { command, env } = startOf(fileURLToPath(new URL('..', import.meta.url)));
  const [node, ...main] = command;
  const { exitCode, stdout, stderr } = await execa(node, [...main, ...words], {
    ...{ cwd: folder, env, extendEnv: false, reject: false, stdin: 'ignore' },
  });
  return { code: exitCode ?? -1, stdout, stderr };
}

describe('the command line', () => {
  it('reads a conformance.config.ts that imports the package by its name', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'conformance-settings-'));
    await writeFile(
      join(folder.path, 'conformance.config.ts'),
      `import { defineConfig } from 'istio-external-proxy-conformance';
       const steps: string[] = ['BEFORE-2'];
       export default defineConfig({ steps });`,
    );
    const { code, stdout } = await cli(folder.path, '--list');
    expect(code).toBe(0);
    expect(stdout.split('\n').map((line) => line.split(' ')[0])).toEqual(['BEFORE-1', 'BEFORE-2']);
  }, 120_000);

  it.each([
    [['--list', '--step', 'BEFORE-1', '--json'], 0, 'step'],
    [['--json', '--no-such-flag'], 2, 'error'],
    [['--json', '--repeat', 'x'], 2, 'error'],
    [['gate', '--json', '--from', '1.28.3'], 2, 'error'],
    [['rnu', '--json'], 2, 'error'],
    [['--json', '--pause-on-failure'], 2, 'error'],
  ])(
    '%j leaves nothing but events on stdout',
    async (words, expected, type) => {
      const { code, stdout, stderr } = await cli(tmpdir(), ...words);
      expect(code).toBe(expected);
      const lines = stdout.split('\n');
      expect(lines.map((line) => eventSchema.parse(JSON.parse(line)).type)).toEqual([type]);
      expect(stderr).not.toBe('');
      if (type === 'error') expect(JSON.parse(lines[0] ?? '')).toMatchObject({ exitCode: expected });
    },
    120_000,
  );
});
