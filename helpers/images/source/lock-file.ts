import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import semver from 'semver';
import { EnvironmentError, jsonIn, UsageError } from '../../errors.ts';
import { knownLocks, minorOf, versionsFile } from '../versions.ts';
import {
  go,
  moduleFolder,
  nearestOf,
  notServedIn,
  servedVersions,
  type ModuleVersion,
} from './served-modules.ts';

/** What one lock file pins, by fixtures/versions.yaml. */
export interface LockContent {
  /** Version of the module istio.io/istio, undefined in a lock that is for Kubernetes alone. */
  readonly istio: string | undefined;
  /** Modules that have to be asked for by version beside Istio. */
  readonly require: Readonly<Record<string, string>>;
  /** Modules that take another version than Istio asks for, where that is newer than any that is served. */
  readonly replace: Readonly<Record<string, string>>;
  readonly coredns: string;
  /** Undefined where no Kubernetes is built with it: then it is of the line that Istio is built on. */
  readonly kubernetes: string | undefined;
}

/** @throws UsageError when nothing in the file names the lock */
export function lockContent(name: string): LockContent {
  const known = versionsFile();
  const istio = Object.values(known.istio).find(({ source }) => source?.lock === name)?.source;
  const kubernetes = Object.entries(known.kubernetes).find(([, { source }]) => source?.lock === name);
  if (istio === undefined && kubernetes === undefined) {
    throw new UsageError(
      `Nothing in fixtures/versions.yaml is built with the lock file ${name}.`,
      `Known: ${knownLocks(known).join(', ')}. For a new one, name it in an entry's source first.`,
    );
  }
  return {
    istio: istio?.module,
    require: istio?.require ?? {},
    replace: istio?.replace ?? {},
    coredns: known.coredns,
    kubernetes: kubernetes?.[0],
  };
}

/** The lock before `go mod tidy` completes it. `staging`: modules that the repository of Kubernetes holds. */
export function lockText(
  content: LockContent,
  kubernetes: string,
  staging: readonly string[],
  go: string,
): string {
  const libraries = kubernetes.replace(/^1\./, 'v0.');
  const requires: readonly (readonly [string, string])[] = [
    ['github.com/coredns/coredns', content.coredns],
    ...(content.istio === undefined ? [] : [['istio.io/istio', content.istio] as const]),
    ...Object.entries(content.require),
    ['k8s.io/kubernetes', `v${kubernetes}`],
  ];
  return [
    'module conformance.test/images',
    '',
    `go ${go}`,
    '',
    'require (',
    ...requires.map(([module, version]) => `\t${module} ${version}`),
    ')',
    '',
    // Kubernetes' own go.mod replaces these by folders of its repository.
    'replace (',
    ...staging.map((module) => `\t${module} => ${module} ${libraries}`),
    ...Object.entries(content.replace).map(([module, version]) => `\t${module} => ${module} ${version}`),
    ')',
    '',
  ].join('\n');
}

/** Something else than Istio asks for, since that is not served. */
export interface Substitute extends ModuleVersion {
  /** The version that Istio asks for. */
  readonly wanted: string;
}

/** What a lock file pins, and what it had to take in place of what is not served. */
export interface WrittenLock {
  /** For people. */
  readonly pins: string;
  readonly substitutes: readonly Substitute[];
}

/**
 * Makes images/go/lines/NAME.mod and NAME.sum anew, with `go mod tidy`. A version that is not served is replaced by the
 * nearest one that is. What was there stays until the new files are whole.
 * @throws UsageError for a lock that nothing names, and for a module of which nothing is served
 * @throws EnvironmentError when `go` is missing or fails otherwise
 */
export async function writeLock(name: string): Promise<WrittenLock> {
  const content = lockContent(name);
  const kubernetes = content.kubernetes ?? (await kubernetesOf(name, content.istio ?? ''));
  const kubernetesMod = await goMod(name, { module: 'k8s.io/kubernetes', version: `v${kubernetes}` });
  const staging = [...kubernetesMod.matchAll(/^\s*(k8s\.io\/\S+) => \.\/staging\//gm)].map(
    ([, module = '']) => module,
  );
  const root = await readFile(join(moduleFolder, 'go.mod'), 'utf8');
  const version = /^go (\S+)$/m.exec(root)?.[1] ?? '';
  const folder = await mkdtemp(join(tmpdir(), 'lock-'));
  try {
    const made = join(folder, name);
    const text = (tried: LockContent): string => lockText(tried, kubernetes, staging, version);
    const substitutes = await tidied(name, `${made}.mod`, content, text);
    for (const kind of ['sum', 'mod']) {
      await copyFile(`${made}.${kind}`, join(moduleFolder, 'lines', `${name}.${kind}`));
    }
    return {
      pins: `Istio ${content.istio ?? 'none'}, Kubernetes ${kubernetes}, CoreDNS ${content.coredns}`,
      substitutes,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Has `go mod tidy` complete the file. What is not served gets a substitute, until nothing is missing. */
async function tidied(
  name: string,
  path: string,
  content: LockContent,
  text: (content: LockContent) => string,
): Promise<Substitute[]> {
  const substitutes = new Map<string, Substitute>();
  for (;;) {
    await writeFile(path, text(withSubstitutes(content, [...substitutes.values()])));
    const { failed, stderr } = await go(['mod', 'tidy', `-modfile=${path}`]);
    if (!failed) return [...substitutes.values()];
    const missing = notServedIn(stderr);
    // What this file asks for by itself, a substitute included, has no other.
    const own = missing.filter(
      ({ module, version }) => isAskedFor(content, module, version) || substitutes.has(module),
    );
    if (missing.length === 0) throw goFailed(name, 'go mod tidy', stderr);
    if (own.length > 0) throw notServed(name, own);
    const without: ModuleVersion[] = [];
    for (const { module, version: wanted } of missing) {
      const version = nearestOf(wanted, await servedVersions(module));
      if (version === undefined) without.push({ module, version: wanted });
      else substitutes.set(module, { module, version, wanted });
    }
    if (without.length > 0) throw notServed(name, without);
  }
}

/** A newer version wins by being asked for as well; an older one has to replace what Istio asks for. */
export function withSubstitutes(content: LockContent, substitutes: readonly Substitute[]): LockContent {
  const newer = substitutes.filter(({ version, wanted }) => semver.gt(version, wanted));
  const older = substitutes.filter((one) => !newer.includes(one));
  const record = (from: readonly Substitute[]): Record<string, string> =>
    Object.fromEntries(from.map(({ module, version }) => [module, version]));
  return {
    ...content,
    require: { ...content.require, ...record(newer) },
    replace: { ...content.replace, ...record(older) },
  };
}

function isAskedFor(
  { istio, coredns, kubernetes, require, replace }: LockContent,
  module: string,
  version: string,
): boolean {
  const asked = {
    'istio.io/istio': istio,
    'github.com/coredns/coredns': coredns,
    'k8s.io/kubernetes': kubernetes === undefined ? undefined : `v${kubernetes}`,
    ...require,
    ...replace,
  };
  return Object.entries(asked).some(([one, pinned]) => one === module && pinned === version);
}

/** The Kubernetes whose libraries Istio is built on: v0.36.1 of k8s.io/client-go is of 1.36.1. The listed one of that line, if any. */
async function kubernetesOf(name: string, istio: string): Promise<string> {
  const mod = await goMod(name, { module: 'istio.io/istio', version: istio });
  const libraries = /^\s*k8s\.io\/client-go v0\.(\S+)/m.exec(mod)?.[1];
  if (libraries === undefined) throw new Error(`istio.io/istio ${istio} does not ask for k8s.io/client-go`);
  const own = `1.${libraries}`;
  const listed = Object.keys(versionsFile().kubernetes).filter(
    (version) => minorOf(version) === minorOf(own),
  );
  return listed.sort(semver.rcompare)[0] ?? own;
}

async function goMod(name: string, wanted: ModuleVersion): Promise<string> {
  const { stdout, stderr } = await go(['mod', 'download', '-json', `${wanted.module}@${wanted.version}`]);
  const { GoMod, Error: problem = '' } = (jsonIn(stdout) ?? {}) as {
    readonly GoMod?: string;
    readonly Error?: string;
  };
  if (GoMod !== undefined && problem === '') return readFile(GoMod, 'utf8');
  if (notServedIn(problem).length > 0) throw notServed(name, [wanted]);
  throw goFailed(
    name,
    `the download of ${wanted.module} ${wanted.version}`,
    problem === '' ? stderr : problem,
  );
}

function notServed(name: string, missing: readonly ModuleVersion[]): UsageError {
  const what = missing.map(({ module, version }) => `${module} ${version}`).join(', ');
  return new UsageError(
    `Go's module proxy does not serve ${what}, which the lock file ${name} needs. The file is as it was.`,
    'Name what is served in fixtures/versions.yaml: another commit of Istio (source.module), and for a module that Istio ' +
      'asks for a newer version (source.require) or an older one (source.replace). Tags: go list -m -versions MODULE.',
  );
}

function goFailed(name: string, what: string, said: string): EnvironmentError {
  const words = said
    .trim()
    .split('\n')
    .filter((line) => !line.startsWith('go: downloading '));
  return new EnvironmentError(
    `The lock file ${name} is as it was, since ${what} failed:\n${words.slice(-5).join('\n')}`,
    'Check the network, HTTPS_PROXY and `go env GOPROXY`.',
  );
}
