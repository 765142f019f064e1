import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { UsageError } from '../../errors.ts';
import { knownLocks, versionsFile, type VersionsFile } from '../versions.ts';

const moduleFolder = fileURLToPath(new URL('../../../images/go', import.meta.url));

/** What one lock file pins, by fixtures/versions.yaml. */
export interface LockContent {
  /** Version of the module istio.io/istio, undefined in a lock that is for Kubernetes alone. */
  readonly istio: string | undefined;
  /** Modules that have to be asked for by version beside Istio. */
  readonly require: Readonly<Record<string, string>>;
  readonly coredns: string;
  /** Undefined where no Kubernetes is built with it: then it is the one whose libraries Istio is built on. */
  readonly kubernetes: string | undefined;
}

/** @throws UsageError when nothing in the file names the lock */
export function lockContent(name: string, known: VersionsFile = versionsFile()): LockContent {
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
    ')',
    '',
  ].join('\n');
}

/**
 * Makes images/go/lines/NAME.mod and NAME.sum anew, with `go mod tidy`.
 * @returns what it pins, for people
 * @throws UsageError for a lock that nothing names
 */
export async function writeLock(name: string): Promise<string> {
  const content = lockContent(name);
  const path = join(moduleFolder, 'lines', `${name}.mod`);
  const kubernetes = content.kubernetes ?? (await kubernetesOf(content.istio ?? ''));
  const kubernetesMod = await goMod('k8s.io/kubernetes', `v${kubernetes}`);
  const staging = [...kubernetesMod.matchAll(/^\s*(k8s\.io\/\S+) => \.\/staging\//gm)].map(
    ([, module = '']) => module,
  );
  const root = await readFile(join(moduleFolder, 'go.mod'), 'utf8');
  const go = /^go (\S+)$/m.exec(root)?.[1] ?? '';
  await writeFile(path, lockText(content, kubernetes, staging, go));
  await rm(path.replace(/mod$/, 'sum'), { force: true });
  await run(['mod', 'tidy', `-modfile=lines/${name}.mod`]);
  return `Istio ${content.istio ?? 'none'}, Kubernetes ${kubernetes}, CoreDNS ${content.coredns}`;
}

/** The Kubernetes whose libraries Istio is built on: v0.36.1 of k8s.io/client-go is of 1.36.1. */
async function kubernetesOf(istio: string): Promise<string> {
  const libraries = /^\s*k8s\.io\/client-go v0\.(\S+)/m.exec(await goMod('istio.io/istio', istio))?.[1];
  if (libraries === undefined) throw new Error(`istio.io/istio ${istio} does not ask for k8s.io/client-go`);
  return `1.${libraries}`;
}

async function goMod(module: string, version: string): Promise<string> {
  const { stdout } = await run(['mod', 'download', '-json', `${module}@${version}`]);
  const { GoMod } = JSON.parse(stdout) as { readonly GoMod: string };
  return readFile(GoMod, 'utf8');
}

async function run(args: readonly string[]): Promise<{ readonly stdout: string }> {
  return execa('go', args, {
    cwd: moduleFolder,
    stderr: 'inherit',
    // Commits of these are not in the checksum database; what was downloaded is pinned by the .sum from here on.
    env: { GOWORK: 'off', GONOSUMDB: 'istio.io/istio,github.com/openshift/api' },
  });
}
