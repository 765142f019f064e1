import { writeFile } from 'node:fs/promises';
import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { completion, shells } from './completion.ts';
import { conformanceProgram } from './program.ts';

function program(): Command {
  const conformance = conformanceProgram().description("It's a program: `really`");
  conformance.addCommand(
    new Command('odd').description("what's [odd]: $HOME `id`").addOption(new Option('--it', "it's: $1 [x]")),
  );
  return conformance;
}

/** What bash offers for a command line whose last word is being typed. */
async function offered(...words: readonly string[]): Promise<string[]> {
  const script = `${completion('bash', program())}
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
    _conformance
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await execa('bash', ['-uc', script, 'bash', './conformance', ...words]);
  return stdout.split('\n').filter((word) => word !== '');
}

describe('completion in bash', () => {
  it('offers commands, and the flags of the default one', async () => {
    const words = await offered('');
    expect(words).toEqual(expect.arrayContaining(['run', 'gate', 'images', '--istio', '--reuse']));
    expect(await offered('im')).toEqual(['images']);
    expect(await offered('images', '')).toEqual(expect.arrayContaining(['list', 'build', 'save']));
    expect(await offered('images', 'list', '--im')).toEqual(['--images', '--image']);
  });

  it.each([
    [
      ['--step', 'MESH-'],
      ['MESH-1', 'MESH-2', 'MESH-3', 'MESH-4', 'MESH-5'],
    ],
    [
      ['run', '--target', ''],
      ['auto', 'live', 'hermetic'],
    ],
    [['run', '--target', '=', 'h'], ['hermetic']],
    [
      ['run', '--target', '='],
      ['auto', 'live', 'hermetic'],
    ],
    [['gate', '--strategy', 'in'], ['in-place']],
    [['gate', '--from', '1.28'], ['1.28.3']],
    [['--istio', '1.29'], ['1.29.1']],
    [['run', '--k8s', '1.34'], ['1.34.4']],
    [['run', '--keep', '--fail'], ['--fail-fast']],
    [['faults', 'SQUID_ACL_N'], []],
    [['run', '--grep', ''], []],
  ])('%j gives %j', async (words, replies) => {
    expect(await offered(...words)).toEqual(replies);
  });

  it('offers faults by their ids', async () => {
    expect((await offered('faults', '')).length).toBeGreaterThan(20);
  });
});

describe('completion in other shells', () => {
  it.each(shells)('%s takes the text', async (shell) => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'conformance-completion-'));
    const file = join(folder.path, `conformance.${shell}`);
    await writeFile(file, completion(shell, program()));
    const result = await execa(shell, ['-n', file], { reject: false });
    // Not every machine has all three.
    if (result.code !== 'ENOENT') expect(result).toMatchObject({ exitCode: 0, stderr: '' });
  });

  it('fish offers the values of a flag', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'conformance-completion-'));
    const file = join(folder.path, 'conformance.fish');
    await writeFile(file, completion('fish', program()));
    const ask = `source '${file}'; complete -C 'conformance run --target h'`;
    const result = await execa('fish', ['--no-config', '-c', ask], { reject: false });
    if (result.code !== 'ENOENT') expect(result.stdout).toMatch(/^hermetic\t/);
  });

  it('zsh offers the values of a flag, and commands with what they do', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'conformance-completion-'));
    const file = join(folder.path, 'conformance.zsh');
    await writeFile(file, completion('zsh', program()));
    const ask = `
      compdef() { :; }
      compadd() { print -r -- "$@"; }
      _describe() { print -rl -- "\${(@P)2}"; }
      source '${file}'
      words=(conformance run --target h); CURRENT=4; _conformance
      words=(conformance o); CURRENT=2; _conformance`;
    const result = await execa('zsh', ['-fc', ask], { reject: false });
    if (result.code === 'ENOENT') return;
    expect(result.stderr).toBe('');
    expect(result.stdout).toContain('-- auto live hermetic');
    expect(result.stdout).toContain("odd:what's [odd]: $HOME `id`");
  });
});
