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

const istioModule = 'istio.io/istio';
const kubernetesModule = 'k8s.io/kubernetes';
const coreDnsModule = 'github.com/coredns/coredns';
const containerdModule = 'github.com/containerd/containerd/v2';
const runcModule = 'github.com/opencontainers/runc';

/** Modules that a lock file is for, by what people call them. */
export const products: Readonly<Record<string, string>> = {
  [istioModule]: 'Istio',
  [kubernetesModule]: 'Kubernetes',
  [coreDnsModule]: 'CoreDNS',
  [containerdModule]: 'containerd',
  [runcModule]: 'runc',
};

/** What a lock file asks for by itself: modules by version. */
export interface LockContent {
  readonly require: Readonly<Record<string, string>>;
  /** Modules that take another version than others ask for, where that is newer than any that is served. */
  readonly replace: Readonly<Record<string, string>>;
}

/** A lock file before anything is downloaded, by fixtures/versions.yaml. */
export interface Lock {
  /** Folder below images/go of the module that the lock file is of: '' for Istio and Kubernetes. */
  readonly folder: '' | 'runtime';
  /** Undefined where no Kubernetes is built with it. With Istio it then is of the line that Istio is built on. */
  readonly kubernetes: string | undefined;
  readonly content: LockContent;
}

/** @throws UsageError when nothing in the file names the lock */
export function lockNamed(name: string): Lock {
  const known = versionsFile();
  const runtime = known.runtimes[name];
  if (runtime !== undefined) {
    const { containerd, runc } = runtime;
    const require = { [containerdModule]: containerd, [runcModule]: runc };
    return { folder: 'runtime', kubernetes: undefined, content: { require, replace: {} } };
  }
  const istio = Object.values(known.istio).find(({ source }) => source?.lock === name)?.source;
  const kubernetes = Object.entries(known.kubernetes).find(([, { source }]) => source?.lock === name);
  if (istio === undefined && kubernetes === undefined) {
    throw new UsageError(
      `Nothing in fixtures/versions.yaml is built with the lock file ${name}.`,
      `Known: ${knownLocks(known).join(', ')}. For a new one, name it in an entry's source first.`,
    );
  }
  const require = {
    [coreDnsModule]: known.coredns,
    ...(istio === undefined ? {} : { [istioModule]: istio.module }),
    ...istio?.require,
  };
  return { folder: '', kubernetes: kubernetes?.[0], content: { require, replace: istio?.replace ?? {} } };
}

/** Adds Kubernetes. `staging`: modules that its repository holds. */
export function withKubernetes(
  { require, replace }: LockContent,
  kubernetes: string,
  staging: readonly string[],
): LockContent {
  const libraries = kubernetes.replace(/^1\./, 'v0.');
  return {
    require: { ...require, [kubernetesModule]: `v${kubernetes}` },
    // Its own go.mod replaces these by folders of its repository.
    replace: { ...Object.fromEntries(staging.map((module) => [module, libraries])), ...replace },
  };
}

/** The lock before `go mod tidy` completes it. `root`: the module's own go.mod. */
export function lockText({ require, replace }: LockContent, root: string): string {
  const lines = root.split('\n').filter((line) => /^(module|go) /.test(line));
  const requires = Object.entries(require).map(([module, version]) => `\t${module} ${version}`);
  const replaces = Object.entries(replace).map(([module, version]) => `\t${module} => ${module} ${version}`);
  return [
    ...lines.flatMap((line) => [line, '']),
    ...['require (', ...requires, ')', ''],
    ...['replace (', ...replaces, ')', ''],
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
  const lock = lockNamed(name);
  const content = await completed(name, lock);
  const root = await readFile(join(moduleFolder, lock.folder, 'go.mod'), 'utf8');
  const folder = await mkdtemp(join(tmpdir(), 'lock-'));
  try {
    const made = join(folder, name);
    const substitutes = await tidied({ name, path: `${made}.mod`, folder: lock.folder, content, root });
    for (const kind of ['sum', 'mod']) {
      await copyFile(`${made}.${kind}`, join(moduleFolder, 'lines', `${name}.${kind}`));
    }
    return { pins: pinsOf(content), substitutes };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What the lock asks for, with the Kubernetes that belongs to it. */
async function completed(name: string, { folder, kubernetes, content }: Lock): Promise<LockContent> {
  if (folder !== '') return content;
  const version = kubernetes ?? (await kubernetesOf(name, content.require[istioModule] ?? ''));
  const mod = await goMod(name, { module: kubernetesModule, version: `v${version}` });
  const staging = [...mod.matchAll(/^\s*(k8s\.io\/\S+) => \.\/staging\//gm)].map(([, module = '']) => module);
  return withKubernetes(content, version, staging);
}

function pinsOf({ require }: LockContent): string {
  return Object.entries(products)
    .flatMap(([module, product]) => (require[module] === undefined ? [] : `${product} ${require[module]}`))
    .join(', ');
}

interface Draft {
  readonly name: string;
  readonly path: string;
  readonly folder: string;
  readonly content: LockContent;
  readonly root: string;
}

/** Has `go mod tidy` complete the file. What is not served gets a substitute, until nothing is missing. */
async function tidied({ name, path, folder, content, root }: Draft): Promise<Substitute[]> {
  const substitutes = new Map<string, Substitute>();
  for (;;) {
    await writeFile(path, lockText(withSubstitutes(content, [...substitutes.values()]), root));
    const { failed, stderr } = await go(['mod', 'tidy', `-modfile=${path}`], folder);
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
    require: { ...content.require, ...record(newer) },
    replace: { ...content.replace, ...record(older) },
  };
}

function isAskedFor({ require, replace }: LockContent, module: string, version: string): boolean {
  return require[module] === version || replace[module] === version;
}

/** The Kubernetes whose libraries Istio is built on: v0.36.1 of k8s.io/client-go is of 1.36.1. The listed one of that line, if any. */
async function kubernetesOf(name: string, istio: string): Promise<string> {
  const mod = await goMod(name, { module: istioModule, version: istio });
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
    `Go's module proxy does not serve ${what}, which the lock file ${name} needs. No file was changed.`,
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
    `The lock file ${name} was not written, since ${what} failed:\n${words.slice(-5).join('\n')}`,
    'Check the network, HTTPS_PROXY and `go env GOPROXY`.',
  );
}
