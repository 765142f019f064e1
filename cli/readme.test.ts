import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { defaultEdition } from '../fixtures/document/editions.ts';
import { exitCodes } from '../helpers/errors.ts';
import { versionsFile } from '../helpers/images/versions.ts';
import { commandsOf } from './cli-page.ts';
import { conformanceProgram } from './program.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const readmes = ['README.md', 'README.zh-CN.md'] as const;
const [english, chinese] = readmes.map(read) as [string, string];

const program = conformanceProgram();

function read(name: string): string {
  return readFileSync(join(root, name), 'utf8');
}

/** The flags that a text says, those of other programs included. */
function flagsIn(text: string): string[] {
  return [...new Set([...text.matchAll(/(?<![\w-])--[a-z][a-z0-9-]*/g)].map(([flag]) => flag))].sort();
}

function flagsOf(command: Command): string[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .flatMap(({ long }) => long ?? []);
}

function commandCalled(name: string): Command {
  const found = commandsOf(program).find(([typed]) => typed === name)?.[1];
  if (found === undefined) throw new Error(`There is no command ${name}`);
  return found;
}

/** Command lines of this program, in blocks and in the text. */
function commandLines(readme: string): string[] {
  return [...readme.matchAll(/^\.\/conformance[^\n#]*|(?<=`)\.\/conformance[^`\n]*(?=`)/gm)].map(([line]) =>
    (line.split('|')[0] ?? '').trim(),
  );
}

/** The command that a line calls, and the flags that it gives to it. */
function called(line: string): { readonly command: Command; readonly flags: readonly string[] } {
  const [own = '', handedOn = ''] = line.split(/ -- /);
  let command = program;
  for (const word of own.split(/\s+/).slice(1)) {
    const next = command.commands.find((inner) => inner.name() === word);
    if (next === undefined) break;
    command = next;
  }
  const run = commandCalled('run');
  if (command === program) command = run;
  const unknown = flagsIn(handedOn).filter((flag) => !flagsOf(run).includes(flag));
  return { command, flags: [...flagsIn(own), ...unknown] };
}

/** Relative links, those to the other README left out. */
function linksOf(readme: string): string[] {
  const links = [...readme.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
  return links.filter((link) => !link.includes('://') && !readmes.includes(link as (typeof readmes)[number]));
}

/** Blocks of code line by line, their comments left out. */
function codeOf(readme: string): string[] {
  const blocks = [...readme.matchAll(/^```(\w*)\n(.*?)^```$/gms)];
  return blocks.flatMap(([, language, code = '']) =>
    code.split('\n').map((line) => (language === 'bash' ? line.replace(/\s+# .*$/, '') : line)),
  );
}

function headingsOf(readme: string): string[] {
  const text = readme.replaceAll(/^```.*?^```$/gms, '');
  return [...text.matchAll(/^(#+) /gm)].map(([, marks = '']) => marks);
}

/** The cells of each line of a table. */
function cellsOf(readme: string): string[][] {
  const lines = readme.split('\n').filter((line) => line.startsWith('|'));
  return lines
    .map((line) => line.split(/(?<!\\)\|/).slice(1, -1))
    .map((cells) => cells.map((cell) => cell.trim()));
}

/** How many cells each line of a table has. */
function tablesOf(readme: string): number[] {
  return cellsOf(readme).map((cells) => cells.length);
}

describe.each(readmes)('%s', (name) => {
  const readme = read(name);

  it('says no flag that no command has', () => {
    const known = [program, ...commandsOf(program).map(([, command]) => command)].flatMap(flagsOf);
    expect(flagsIn(readme).filter((flag) => !known.includes(flag))).toEqual([]);
  });

  it('gives a command only flags that it has', () => {
    const lines = commandLines(readme);
    expect(lines.length).toBeGreaterThan(10);
    for (const line of lines) {
      const { command, flags } = called(line);
      expect(
        flags.filter((flag) => !flagsOf(command).includes(flag)),
        line,
      ).toEqual([]);
    }
  });

  it('links to what there is, and to all of docs', () => {
    const links = linksOf(readme);
    expect(links.filter((link) => !existsSync(join(root, link)))).toEqual([]);
    const pages = readdirSync(join(root, 'docs')).filter((file) => file.endsWith('.md'));
    expect(pages.map((page) => `docs/${page}`).filter((page) => !links.includes(page))).toEqual([]);
  });

  it('says which edition of the document it runs', () => {
    const edition = new URL(`../fixtures/document/${defaultEdition}/`, import.meta.url);
    expect(existsSync(edition)).toBe(true);
    expect(readme.split('\n').slice(0, 24).join('\n')).toContain(`fixtures/document/${defaultEdition}/`);
  });

  it('is about 130 lines', () => {
    expect(readme.split('\n').length).toBeLessThan(140);
  });

  it('has all exit codes', () => {
    const cells = cellsOf(readme).map(([first = '']) => first);
    const codes = cells
      .filter((cell) => /^[0-9]+(, [0-9]+)*$/.test(cell))
      .flatMap((cell) => cell.split(', '));
    expect(new Set(codes)).toEqual(new Set(Object.values(exitCodes).map(String)));
  });

  it('has the versions of fixtures/versions.yaml, and its defaults', () => {
    const { istio, kubernetes, default: preset } = versionsFile();
    const rows = cellsOf(readme).filter(([first = '']) => /^1\.[0-9]+\./.test(first));
    const told = rows.map(([version = '', ...others]) => [version.replace(/[ （(].*/, ''), ...others]);
    const mark = (is: boolean): string => (is ? '✓' : '');
    const listed = Object.entries(istio).map(([version, { kubernetes: minors, envoy, registry, source }]) => [
      version,
      envoy,
      ...Object.keys(kubernetes).map((patch) => mark(minors.some((minor) => patch.startsWith(`${minor}.`)))),
      mark(registry !== undefined),
      mark(source !== undefined),
    ]);
    expect(told.sort()).toEqual(listed.sort());
    const columns = Object.keys(kubernetes).map((version) => `Kubernetes ${version} +\\|`);
    expect(readme).toMatch(new RegExp(`^\\| Istio .*${columns.join('[^|]*')}`, 'm'));
    expect(readme).toMatch(
      new RegExp(`^\\| ${preset.istio.replaceAll('.', '\\.')} ?[(（](the default|默认)[)）]`, 'm'),
    );
    expect(readme).toContain(`Kubernetes ${preset.kubernetes} `);
  });
});

describe('both READMEs', () => {
  it.each([
    ['headings', headingsOf],
    ['tables', tablesOf],
    ['flags', flagsIn],
    ['code', codeOf],
    ['links', linksOf],
  ])('have the same %s', (_what, of) => {
    expect(of(english).length).toBeGreaterThan(0);
    expect(of(chinese)).toEqual(of(english));
  });
});
