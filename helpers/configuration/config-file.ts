import { existsSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { closest } from 'fastest-levenshtein';
import { thrownAs, UsageError } from '../errors.ts';
import { ownExtension } from '../installed.ts';
import { configurationSchema, gateSettingsSchema } from './configuration.ts';
import { checkedValues, settingsHint, type Layer } from './settings.ts';

/** Files that are looked for in the current folder; the first that exists is read. */
export const configFileNames = ['conformance.config.ts', 'conformance.config.mjs', 'conformance.config.js'];

const packageName = 'istio-external-proxy-conformance';

/**
 * Reads the configuration file that was asked for, or the one of this folder; nothing when there is none.
 * @throws UsageError for a file that cannot be loaded, an unknown setting, or an invalid value
 */
export async function readConfigFile(
  asked: string | undefined,
  folder = process.cwd(),
): Promise<{ readonly run: Layer; readonly gate: Layer }> {
  const path =
    asked === undefined
      ? configFileNames.map((name) => resolve(folder, name)).find((name) => existsSync(name))
      : resolve(folder, asked);
  if (path === undefined) return { run: nothing, gate: nothing };
  const name = relative(folder, path) || path;
  const content = await load(path, name);
  const { gate = {}, ...run } = objectOf(content, name, 'its default export');
  const inGate = objectOf(gate, name, 'gate');
  const known = Object.keys(configurationSchema.shape);
  keysMustBeKnown(Object.keys(run), [...known, 'gate'], (key) => `${name}: ${key}`);
  keysMustBeKnown(
    Object.keys(inGate),
    Object.keys(gateSettingsSchema.shape),
    (key) => `${name}: gate.${key}`,
  );
  const origin = (): string => name;
  return {
    run: { values: checkedValues(configurationSchema, run, (key) => `${name}: ${key}`), origin },
    gate: { values: checkedValues(gateSettingsSchema, inGate, (key) => `${name}: gate.${key}`), origin },
  };
}

const nothing: Layer = { values: {}, origin: () => '' };

async function load(path: string, name: string): Promise<unknown> {
  if (!existsSync(path)) {
    throw new UsageError(`There is no configuration file ${name}`, 'Name another file: --config FILE.');
  }
  // So that a folder without node_modules can import defineConfig, too.
  const hooks = registerHooks({
    resolve: (specifier, context, next) =>
      specifier === packageName
        ? { url: new URL(`configuration.${ownExtension}`, import.meta.url).href, shortCircuit: true }
        : next(specifier, context),
  });
  try {
    const { default: content } = (await import(pathToFileURL(path).href)) as { readonly default?: unknown };
    return content;
  } catch (error) {
    return thrownAs(UsageError, `${name} cannot be loaded`, 'Correct the file.')(error);
  } finally {
    hooks.deregister();
  }
}

function objectOf(content: unknown, name: string, what: string): Readonly<Record<string, unknown>> {
  if (typeof content === 'object' && content !== null && !Array.isArray(content)) {
    return content as Readonly<Record<string, unknown>>;
  }
  throw new UsageError(
    `${name}: ${what} is no object of settings`,
    "For example: export default defineConfig({ istio: '1.29.1' })",
  );
}

function keysMustBeKnown(
  keys: readonly string[],
  known: readonly string[],
  nameOf: (key: string) => string,
): void {
  const problems = keys
    .filter((key) => !known.includes(key))
    .map((key) => `${nameOf(key)}: there is no such setting; the nearest is ${closest(key, [...known])}`);
  if (problems.length > 0) throw new UsageError(problems.join('\n'), settingsHint);
}
