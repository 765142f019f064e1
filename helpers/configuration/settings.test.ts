import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UsageError } from '../errors.ts';
import { readConfigFile } from './config-file.ts';
import { configurationSchema, defineConfig, gateSettingsSchema } from './configuration.ts';
import { environmentLayer, settingsFrom } from './settings.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'conformance-config-test-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const file = (text: string, name = 'conformance.config.mjs'): Promise<void> =>
  writeFile(join(folder, name), text);
const environment = (variables: Record<string, string>): Record<string, unknown> => ({
  ...environmentLayer(configurationSchema, variables).values,
});

describe('the settings of a run', () => {
  it('come from the first that says them, and each tells from where', async () => {
    await file("export default { istio: '1.28.3', repeat: 3, target: 'live' }");
    const { run } = await readConfigFile(undefined, folder);
    const variables = environmentLayer(configurationSchema, {
      CONFORMANCE_REPEAT: '4',
      CONFORMANCE_TARGET: 'hermetic',
    });
    const flags = { values: { repeat: 5 }, origin: (key: string) => `--${key}` };
    const { values, origins } = settingsFrom(configurationSchema, [flags, variables, run]);
    expect(values).toMatchObject({ istio: '1.28.3', repeat: 5, target: 'hermetic', images: 'auto' });
    expect(origins).toMatchObject({
      istio: 'conformance.config.mjs',
      repeat: '--repeat',
      target: 'CONFORMANCE_TARGET',
      images: 'default',
    });
  });

  it('are typed where a file says them', () => {
    expect(defineConfig({ repeat: 2, gate: { from: '1.28.3' } })).toEqual({
      repeat: 2,
      gate: { from: '1.28.3' },
    });
  });
});

describe('the environment', () => {
  it('says every kind of setting', () => {
    expect(
      environment({
        CONFORMANCE_KEEP: 'true',
        CONFORMANCE_FAIL_FAST: '0',
        CONFORMANCE_TIMEOUT_SCALE: '2.5',
        CONFORMANCE_STEPS: 'MESH-1,MESH-2 WHY-1',
        CONFORMANCE_IMAGE: 'squid=a/b:c,curl=d/e=f:g',
        CONFORMANCE_REPORT_DIR: ' out ',
        CONFORMANCE_ISTIO: '',
      }),
    ).toEqual({
      keep: true,
      failFast: false,
      timeoutScale: 2.5,
      steps: ['MESH-1', 'MESH-2', 'WHY-1'],
      image: { squid: 'a/b:c', curl: 'd/e=f:g' },
      reportDir: 'out',
    });
    expect(environmentLayer(gateSettingsSchema, { CONFORMANCE_GATE_FROM: '1.28.3' }, 'GATE_').values).toEqual(
      {
        from: '1.28.3',
      },
    );
  });

  it.each([
    [{ CONFORMANCE_REPEAT: 'many' }, /^CONFORMANCE_REPEAT: .*number/],
    [{ CONFORMANCE_REPEAT: '1001' }, /^CONFORMANCE_REPEAT: .*1000/],
    [{ CONFORMANCE_KEEP: 'perhaps' }, /^CONFORMANCE_KEEP: .*boolean/],
    [{ CONFORMANCE_TARGET: 'moon' }, /^CONFORMANCE_TARGET: one of auto, live, hermetic$/],
    [{ CONFORMANCE_GREP: '(' }, /^CONFORMANCE_GREP: it is no regular expression$/],
    [{ CONFORMANCE_IMAGE: 'squit=x' }, /^CONFORMANCE_IMAGE: .*squit/],
    [
      { CONFORMANCE_REPEATS: '3' },
      /^There is no setting CONFORMANCE_REPEATS; the nearest is CONFORMANCE_REPEAT$/,
    ],
  ])('is refused where it says %j', (variables, message) => {
    expect(() => environment(variables)).toThrow(UsageError);
    expect(() => environment(variables)).toThrow(message);
  });

  it('may hold what is no setting', () => {
    expect(environment({ CONFORMANCE_CACHE_DIR: '/x', CONFORMANCE_ASSUME_YES: '1', REPEAT: 'x' })).toEqual(
      {},
    );
  });
});

describe('a configuration file', () => {
  it('is none where there is none', async () => {
    expect((await readConfigFile(undefined, folder)).run.values).toEqual({});
  });

  it('may be TypeScript', async () => {
    await file(
      `const repeat: number = 7;
       export default { repeat, gate: { strategy: 'in-place' } };`,
      'other.config.ts',
    );
    const { run, gate } = await readConfigFile('other.config.ts', folder);
    expect(run.values).toEqual({ repeat: 7 });
    expect(gate.values).toEqual({ strategy: 'in-place' });
    expect(run.origin('repeat')).toBe('other.config.ts');
  });

  it.each([
    ['export default { istoi: 1, kep: true }', 'istoi: there is no such setting; the nearest is istio'],
    ['export default { istoi: 1, kep: true }', 'kep: there is no such setting; the nearest is keep'],
    ['export default { gate: { form: 1 } }', 'gate.form: there is no such setting; the nearest is from'],
    ["export default { repeat: '3' }", 'repeat: Invalid input: expected number'],
    ["export default { images: 'no' }", 'images: one of auto, registry, source, mirror=HOST'],
    ["export default { steps: ['A', 3] }", 'steps.1: Invalid input: expected string'],
    ['export default { timeoutScale: 0 }', 'timeoutScale: Too small'],
    ['export default [1]', 'its default export is no object'],
    ['export const one = 1', 'its default export is no object'],
    ['export default {', 'cannot be loaded'],
    ["throw new Error('oh dear')", 'cannot be loaded: oh dear'],
  ])('%s is refused by name', async (text, message) => {
    await file(text);
    const reading = readConfigFile(undefined, folder);
    await expect(reading).rejects.toThrow(UsageError);
    await expect(reading).rejects.toThrow(/^conformance\.config\.mjs/);
    await expect(reading).rejects.toThrow(message);
  });

  it('must be there when it is named', async () => {
    await expect(readConfigFile('no.ts', folder)).rejects.toThrow('There is no configuration file no.ts');
  });
});
