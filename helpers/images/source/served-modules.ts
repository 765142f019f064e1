import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import semver from 'semver';
import { EnvironmentError, jsonIn } from '../../errors.ts';

/** Where `go` runs: the folder of images/go/go.mod. */
export const moduleFolder = fileURLToPath(new URL('../../../images/go', import.meta.url));
const lines = join(moduleFolder, 'lines');

/** A version of a module, e.g. istio.io/api v1.30.8. */
export interface ModuleVersion {
  readonly module: string;
  readonly version: string;
}

/** Runs `go` for the lock files, in a folder below images/go. @throws EnvironmentError when there is no `go` */
export async function go(
  args: readonly string[],
  folder = '',
): Promise<{ readonly failed: boolean; readonly stdout: string; readonly stderr: string }> {
  const { failed, stdout, stderr, code } = await execa('go', args, {
    cwd: join(moduleFolder, folder),
    reject: false,
    // Commits of these are not in the checksum database; what was downloaded is pinned by the .sum from here on.
    env: { GOWORK: 'off', GONOSUMDB: 'istio.io/istio,github.com/openshift/api' },
  });
  if (code === 'ENOENT')
    throw new EnvironmentError('There is no `go` on PATH.', 'Install Go: https://go.dev/dl/');
  return { failed, stdout, stderr };
}

/** The versions that `go` could not have, by what it said; each once. A proxy that does not answer is no such version. */
export function notServedIn(said: string): ModuleVersion[] {
  const refused =
    /(\S+)@(v[^\s:]+): (?:invalid version|unrecognized import path|reading \S+: 4\d\d|.*not available)/g;
  const found = [...said.matchAll(refused)].map(([, module = '', version = '']) => ({ module, version }));
  return [...new Map(found.map((one) => [`${one.module}@${one.version}`, one])).values()];
}

/** The next newer of the versions that are served, else the newest older one; undefined where there is none. */
export function nearestOf(wanted: string, served: readonly string[]): string | undefined {
  const others = served.filter((version) => semver.valid(version) !== null && version !== wanted);
  const sorted = others.sort(semver.compare);
  return sorted.find((version) => semver.gt(version, wanted)) ?? sorted.at(-1);
}

/** The versions of a module that are known to be served: its tags, its newest commit, and what the lock files pin. */
export async function servedVersions(module: string): Promise<string[]> {
  const [tags, latest, pinned] = await Promise.all([
    go(['list', '-m', '-json', '-versions', module]),
    go(['list', '-m', '-json', `${module}@latest`]),
    pinnedVersions(module),
  ]);
  const listed = jsonIn(tags.stdout) as { readonly Versions?: readonly string[] } | undefined;
  const newest = jsonIn(latest.stdout) as { readonly Version?: string } | undefined;
  return [
    ...new Set([
      ...(listed?.Versions ?? []),
      ...(newest?.Version === undefined ? [] : [newest.Version]),
      ...pinned,
    ]),
  ];
}

/** What the lock files that are there pin of a module: they could be had once. */
async function pinnedVersions(module: string): Promise<string[]> {
  const files = (await readdir(lines)).filter((name) => name.endsWith('.mod'));
  const texts = await Promise.all(files.map((name) => readFile(join(lines, name), 'utf8')));
  return texts.flatMap((text) => {
    const words = text.split('\n').map((line) => line.trim().split(/\s+/));
    // `module => module version` where a version is replaced, which may be since it is not served; else `module version`.
    const replaced = words.flatMap(([, arrow, other, version = '']) =>
      arrow === '=>' && other === module ? [version] : [],
    );
    const required = words.flatMap(([one, version = '']) =>
      one === module && version !== '=>' ? [version] : [],
    );
    return replaced.length > 0 ? replaced : required;
  });
}
