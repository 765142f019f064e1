import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { filesBelow } from '../../helpers/images/source/fingerprint.ts';
import { results } from '../../helpers/results/results.ts';
import { allSteps } from '../../suites/steps.ts';
import { Elsewhere, type Ended } from './elsewhere.ts';

const checkout = fileURLToPath(new URL('../..', import.meta.url));

let elsewhere: Elsewhere;

beforeAll(async () => {
  elsewhere = await Elsewhere.pack();
});

afterAll(async () => {
  await elsewhere[Symbol.asyncDispose]();
});

describe('the package', () => {
  test('holds the tests that the CLI runs, and no other; none of what only a checkout needs', () => {
    const { files } = elsewhere;
    expect(
      files
        .filter((file) => file.includes('.test.'))
        .filter((file) => file.endsWith('.js'))
        .sort(),
    ).toEqual([
      'dist/faults/faults.test.js',
      'dist/faults/gate-faults.test.js',
      'dist/faults/healthy/healthy.test.js',
      'dist/suites/conformance.test.js',
      'dist/suites/gate.test.js',
    ]);
    const foreign = /(^|\/)(\.|node_modules\/|reports\/|examples\/|(dist\/)?(bench|tests)\/)|(?<!\.d)\.tsx?$/;
    expect(files.filter((file) => foreign.test(file))).toEqual([]);
    expect(files).toEqual(
      expect.arrayContaining(['LICENSE', 'README.md', 'conformance', 'dist/index.js', 'dist/index.d.ts']),
    );
  });

  test.each(['fixtures', 'images', 'scripts'])('holds all of %s', async (folder) => {
    const there = await filesBelow(join(checkout, folder), folder);
    const names = there.map(({ name }) => name).filter((name) => name !== 'scripts/build-package');
    expect(names.length).toBeGreaterThan(5);
    // Code is compiled.
    const packed = names.map((name) => `dist/${name.replace(/\.ts$/, '.js')}`);
    expect(packed.filter((name) => !elsewhere.files.includes(name))).toEqual([]);
  });

  test('leaves nothing in the checkout', async () => {
    expect(await readdir(checkout)).not.toContain('dist');
  });
});

describe('by npx in an empty folder', () => {
  const npx = (...args: readonly string[]): Promise<Ended> =>
    elsewhere.run('empty', 'npx', '--yes', `--package=${elsewhere.tarball}`, 'conformance', ...args);

  test('the commands that need no engine are there', async () => {
    const { version } = JSON.parse(await readFile(join(checkout, 'package.json'), 'utf8')) as {
      version: string;
    };
    expect(await npx('--version')).toMatchObject({ exitCode: 0, stdout: version });
    const help = await npx('--help');
    expect(help.stdout).toMatch(/^Usage: conformance /);
    expect(help.exitCode).toBe(0);
    const list = await npx('run', '--list');
    expect(list.stdout.split('\n').map((line) => line.split(' ')[0])).toEqual(
      expect.arrayContaining(allSteps.map(({ id }) => id)),
    );
    expect(list.exitCode).toBe(0);
  });

  test('a flag that does not exist is a usage error', async () => {
    const { exitCode, output } = await npx('run', '--no-such-flag');
    expect(output).toMatch(/^error: unknown option '--no-such-flag'/);
    expect(exitCode).toBe(2);
  });

  test('the document is conformant; the report is in the folder, and what npm installed stays as it was', async () => {
    // npx writes its own lock file each time.
    const installed = async (): Promise<string[]> =>
      (await elsewhere.state('npm/_npx')).filter((file) => !file.includes('package-lock.json '));
    const before = await installed();
    expect(before.length).toBeGreaterThan(1000);
    const { exitCode, output } = await npx('run');
    expect(output).toContain('Verdict: conformant');
    expect(exitCode).toBe(0);
    expect(await installed()).toEqual(before);
    expect(await readdir(join(elsewhere.folder, 'empty'))).toEqual(['reports']);
    const text = await readFile(join(elsewhere.folder, 'empty/reports/latest/results.json'), 'utf8');
    const { steps } = results.parse(JSON.parse(text));
    expect(steps.map(({ id, status }) => `${id} ${status}`)).toEqual(
      allSteps.map(({ id }) => `${id} passed`),
    );
  });
});

describe('a suite of the user’s own: examples/own-suite', () => {
  // As deep as in the checkout: its package.json says where the package is.
  const folder = 'examples/own-suite';

  beforeAll(async () => {
    await cp(join(checkout, folder), join(elsewhere.folder, folder), {
      recursive: true,
      filter: (path) => !path.includes('node_modules'),
    });
    const { exitCode, output } = await elsewhere.run(folder, 'npm', 'install', '--no-audit', '--no-fund');
    expect(exitCode, output).toBe(0);
  });

  test('has the package’s types: what is wrong is said', async () => {
    expect(await elsewhere.run(folder, 'npm', 'run', '--silent', 'typecheck')).toMatchObject({
      exitCode: 0,
      output: '',
    });
    const wrong = join(elsewhere.folder, folder, 'wrong.ts');
    await writeFile(
      wrong,
      `import { documentSteps } from 'istio-external-proxy-conformance';
       import { conformance } from 'istio-external-proxy-conformance/vitest';
       import { expect } from 'vitest';
       export const first: number = documentSteps[0]!.id;
       conformance({ target: 'wikipedia' });
       expect(first).toHaveCrosed();\n`,
    );
    const { exitCode, output } = await elsewhere.run(folder, 'npm', 'run', '--silent', 'typecheck');
    expect(output.match(/error TS\d+: .*/g)).toEqual([
      expect.stringContaining("'string' is not assignable to type 'number'"),
      expect.stringContaining(`'"wikipedia"' is not assignable`),
      expect.stringContaining('toHaveCrosed'),
    ]);
    expect(exitCode).not.toBe(0);
    await writeFile(wrong, '');
  });

  test('its own step passes among the document’s', async () => {
    const { exitCode, output } = await elsewhere.run(folder, 'npm', 'test');
    expect(output).toMatch(/✓ .*SHOP-1 From our shop, the page arrives through the proxy/);
    expect(output).toMatch(/✓ .*CLEAN-6 /);
    expect(output).not.toMatch(/failed|skipped/);
    expect(exitCode).toBe(0);
  });
});
