import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { configurationSchema, gateSettings, runSettings } from '../helpers/configuration/configuration.ts';
import { flagsOf, variableOf } from '../helpers/configuration/setting.ts';
import { environmentLayer } from '../helpers/configuration/settings.ts';
import { exitCodes } from '../helpers/errors.ts';
import { cliPage, commandsOf } from './cli-page.ts';
import { completion } from './completion.ts';
import { allSettings, optionsFor } from './options.ts';
import { conformanceProgram } from './program.ts';

const page = readFileSync(new URL('../docs/cli.md', import.meta.url), 'utf8');
const program = conformanceProgram();
const commands = new Map(commandsOf(program));
const offered = Object.entries(allSettings).filter(([, { commands: takers }]) => takers.length > 0);

it('docs/cli.md is what `npm run generate` writes', () => {
  expect(page).toBe(cliPage(program));
});

it.each([...commands])('docs/cli.md has a section with every flag of %s', (typed, command) => {
  const [, section = ''] = page.split(`\n## \`${typed}\`\n`);
  const own = section.split('\n## ')[0] ?? '';
  const flags = command
    .createHelp()
    .visibleOptions(command)
    .map(({ long }) => long ?? '');
  for (const flag of flags.filter((long) => long !== '--help')) expect(own).toContain(`\`${flag}`);
});

it('--help says what each exit code means', () => {
  let help = '';
  program.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
  for (const code of Object.values(exitCodes))
    expect(help).toMatch(new RegExp(`^  .*\\b${String(code)}\\b`, 'm'));
  for (const needed of ['git', 'bash', 'npm', 'container engine', 'Node.js 24'])
    expect(help).toContain(needed);
});

it('no setting of the gate is called like one of a run', () => {
  expect(Object.keys(gateSettings).filter((key) => key in runSettings)).toEqual([]);
});

describe.each(offered)('the setting %s, said once in the table', (key, setting) => {
  const flags = flagsOf(key, setting);
  const first = flags[0]?.long ?? '';
  const starts = [' ', '`'].map((end) => `| \`${first}${end}`);
  const row = page.split('\n').find((line) => starts.some((start) => line.startsWith(start)));

  it('is a flag of each of its commands, with its help and under its heading', () => {
    for (const typed of setting.commands) {
      const command = commands.get(typed);
      const options = command?.options.filter(({ long }) => flags.some((flag) => flag.long === long)) ?? [];
      expect(options.map(({ long }) => long)).toEqual(flags.map(({ long }) => long));
      for (const option of options) {
        expect(option.description).toContain(flags.find(({ long }) => long === option.long)?.help);
        expect(option.helpGroupHeading).toBe(`${setting.group}:`);
      }
    }
  });

  it('takes a value, unless it is a flag without one', () => {
    for (const option of optionsFor(key)) expect(option.required).toBe(setting.argument !== undefined);
  });

  it('has a variable, and a row with it in docs/cli.md', () => {
    const variable = key in gateSettings ? variableOf(key, 'GATE_') : variableOf(key);
    expect(row).toContain(`\`${variable}\``);
    expect(row).toContain(key in gateSettings ? `\`gate.${key}\`` : `\`${key}\``);
  });

  it('is completed', () => {
    const text = completion('bash', program);
    for (const { long } of flags) expect(text).toContain(`${long} `);
  });

  it('names only settings in its rules', () => {
    const { needs, excludes = [], implies } = setting;
    const rules = [...(needs === undefined ? [] : [needs]), ...excludes];
    const names = rules.flatMap(({ settings, unless }) => [
      ...settings,
      ...(unless === undefined ? [] : [unless]),
    ]);
    for (const name of [...names, ...(implies === undefined ? [] : [implies])]) {
      expect(allSettings).toHaveProperty(name.split('=')[0] ?? '');
    }
  });
});

it('an environment variable says what the table calls so', () => {
  expect(environmentLayer(configurationSchema, { CONFORMANCE_REPORT_DIR: 'x' }).values).toEqual({
    reportDir: 'x',
  });
});
