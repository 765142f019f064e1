import { chmod, copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exists, inCache, putInPlace, withTemporaryFolder } from '../../cache.ts';
import type { Runtime, SourceVersions } from '../versions.ts';
import type { Architecture } from '../../engine.ts';
import { command, type CommandOptions } from './command.ts';
import type { Step, Work } from './graph.ts';

const moduleFolder = fileURLToPath(new URL('../../../images/go', import.meta.url));

/** Istio's own tags: protobuf's fast paths, as in its releases. What is of its module has them as well. */
const istioTags = 'vtprotobuf,disable_pgv';

/** What is built for every set, and what only for a node with a containerd of its own. */
type Part = 'kubernetes' | 'istio' | 'networkPolicies';
type RuntimePart = 'containerd' | 'runc';
type Parts<T> = Readonly<Record<Part, T> & Partial<Record<RuntimePart, T>>>;

/** Binaries that are built together. */
interface Build {
  readonly name: string;
  /** Folder of its module below images/go. */
  readonly module: string;
  /** Our own commands by folder, Istio's by import path; a binary has the last part's name. */
  readonly targets: readonly string[];
  /** Undefined where the module's own go.mod pins everything. */
  readonly lock?: string;
  readonly tags: string;
  /** Of a program with parts in C, which is linked statically: the machine's C library is not the image's. */
  readonly cgo: boolean;
  readonly stamps: Readonly<Record<string, string>>;
  readonly bytes: number;
  /** Further files of modules, by the name they get beside the binaries. */
  readonly files: Readonly<Record<string, { readonly module: string; readonly path: string }>>;
}

function buildsOf(versions: SourceVersions): Parts<Build> {
  const ofIstiosModule = { module: '', tags: istioTags, cgo: false, files: {} };
  const kubernetes: Build = {
    ...ofIstiosModule,
    name: 'kubernetes',
    targets: ['./cmd/kube', './cmd/coredns', './cmd/pause'],
    lock: versions.kubernetesLock,
    stamps: kubernetesStamps(versions),
    bytes: 6e9,
  };
  const istio: Build = {
    ...ofIstiosModule,
    name: 'istio',
    targets: [
      'istio.io/istio/pilot/cmd/pilot-discovery',
      'istio.io/istio/pilot/cmd/pilot-agent',
      'istio.io/istio/istioctl/cmd/istioctl',
    ],
    lock: versions.istioLock,
    stamps: istioStamps(versions),
    bytes: 5e9,
    // It belongs to pilot-agent.
    files: {
      'envoy_bootstrap.json': {
        module: 'istio.io/istio',
        path: 'tools/packaging/common/envoy_bootstrap.json',
      },
    },
  };
  const networkPolicies: Build = {
    ...ofIstiosModule,
    name: 'network-policies',
    module: 'network-policies',
    targets: ['.'],
    stamps: {},
    bytes: 1e9,
  };
  const { runtime } = versions;
  return { kubernetes, istio, networkPolicies, ...(runtime === undefined ? {} : runtimeBuilds(runtime)) };
}

function runtimeBuilds({ lock, containerd }: Runtime): Record<RuntimePart, Build> {
  const commands = 'github.com/containerd/containerd/v2/cmd';
  const common = { module: 'runtime', lock, files: {}, bytes: 1e9 };
  return {
    containerd: {
      ...common,
      name: 'containerd',
      targets: [`${commands}/containerd`, `${commands}/containerd-shim-runc-v2`, `${commands}/ctr`],
      // Snapshots are overlay mounts.
      tags: 'no_btrfs,no_devmapper,no_zfs',
      cgo: false,
      stamps: { 'github.com/containerd/containerd/v2/version.Version': containerd },
    },
    runc: {
      ...common,
      name: 'runc',
      targets: ['github.com/opencontainers/runc'],
      // As in its releases, but for libpathrs, which is not in Debian. Pods may ask for a seccomp profile.
      tags: 'seccomp,urfave_cli_no_docs,netgo,osusergo',
      cgo: true,
      stamps: {},
    },
  };
}

/**
 * The steps that compile a source set's binaries. The results are folders: one with `kube`, `coredns` and `pause` of the
 * stand-in node, one with its `network-policies`, one with `pilot-discovery`, `pilot-agent`, `istioctl` and
 * `envoy_bootstrap.json`, and of a node with a containerd of its own one with `containerd`, `containerd-shim-runc-v2` and
 * `ctr`, and one with `runc`.
 */
export function goSteps(versions: SourceVersions, architecture: Architecture): Parts<Step> {
  const { kubernetes, istio, networkPolicies, containerd, runc } = buildsOf(versions);
  const step = (build: Build): Step => goStep(build, architecture);
  return {
    kubernetes: step(kubernetes),
    istio: step(istio),
    networkPolicies: step(networkPolicies),
    ...(containerd === undefined ? {} : { containerd: step(containerd) }),
    ...(runc === undefined ? {} : { runc: step(runc) }),
  };
}

/** A bare `go build`: what a benchmark runs beside the whole build of a set. */
export interface Compilation {
  readonly name: string;
  /** All but `-o`. */
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** The compilations of a source set, by the steps they belong to. */
export function compilations(versions: SourceVersions, architecture: Architecture): Compilation[] {
  return Object.values(buildsOf(versions)).map((build) => compilation(build, architecture));
}

function compilation(build: Build, architecture: Architecture): Compilation {
  const { name, module, targets, cgo } = build;
  return {
    name,
    args: ['build', '-v', ...modfile(build), ...buildFlags(build), ...targets],
    cwd: join(moduleFolder, module),
    env: { CGO_ENABLED: cgo ? '1' : '0', GOOS: 'linux', GOARCH: architecture, GOWORK: 'off' },
  };
}

function modfile({ module, lock }: Build): string[] {
  return lock === undefined ? [] : [`-modfile=${join(module === '' ? '' : '..', 'lines', `${lock}.mod`)}`];
}

function goStep(build: Build, architecture: Architecture): Step {
  const { name, module, targets, lock, bytes } = build;
  const flags = buildFlags(build);
  const folder = (part: string): string => join(moduleFolder, part);
  // A change of our own commands is none of Istio's.
  const own = targets.filter((target) => target.startsWith('./'));
  return {
    name,
    inputs: {
      parameters: { targets: targets.join(' '), flags: flags.join(' '), architecture },
      files:
        lock === undefined
          ? { module: folder(module) }
          : {
              ...Object.fromEntries(own.map((target) => [target, folder(target)])),
              'go.mod': folder(join(module, 'go.mod')),
              'lock.mod': folder(`lines/${lock}.mod`),
              'lock.sum': folder(`lines/${lock}.sum`),
            },
    },
    needs: [],
    bytes,
    output: (key) => inCache('source', `${name}-${key}`),
    exists,
    make: (work) => make(work, build, architecture),
  };
}

/** Who compiles now, and behind it whoever waits to. */
let last: Promise<unknown> | undefined;

/** One `go build` at a time: each uses every processor, and what two have in common only the first compiles. */
async function inTurn(work: Work, build: () => Promise<void>): Promise<void> {
  if (last !== undefined) work.report('waiting for its turn');
  const mine = (last ?? Promise.resolve()).then(build);
  const settled = mine
    .catch(() => undefined)
    .then(() => {
      if (last === settled) last = undefined;
    });
  last = settled;
  await mine;
}

async function make(work: Work, build: Build, architecture: Architecture): Promise<void> {
  const { targets, tags, files } = build;
  const { args, cwd, env } = compilation(build, architecture);
  await withTemporaryFolder(async (temporary) => {
    const results = join(temporary, 'results');
    const scratch = join(temporary, 'scratch');
    await Promise.all([mkdir(results), mkdir(scratch)]);
    const go = (given: readonly string[], onLine?: CommandOptions['onLine']): Promise<string[]> =>
      command(work, 'go', given, {
        cwd,
        env: { ...env, GOTMPDIR: scratch },
        ...(onLine === undefined ? {} : { onLine }),
      });

    const modules = new Set<string>();
    let compiled = 0;
    let total = '';
    const downloading = (line: string): boolean => {
      if (!line.startsWith('go: downloading ')) return false;
      modules.add(line);
      work.report(`${modules.size} modules downloaded`);
      return true;
    };
    const list = async (): Promise<void> => {
      const packages = await go(
        ['list', ...modfile(build), '-tags', tags, '-deps', ...targets],
        (line) => void downloading(line),
      );
      total = ` of ${packages.length}`;
    };
    const compile = (): Promise<void> =>
      inTurn(work, async () => {
        work.report('compiling');
        await go([...args.slice(0, 1), '-o', `${results}/`, ...args.slice(1)], (line) => {
          if (!downloading(line) && !line.startsWith('go: ')) work.report(`${++compiled}${total} packages`);
        });
      });
    work.report('downloading modules');
    if (last === undefined) await allOf([compile(), list()]);
    else {
      // Its modules come while the other compiles.
      await list();
      await compile();
    }

    for (const [name, { module, path }] of Object.entries(files)) {
      const [source = ''] = await go(['list', ...modfile(build), '-m', '-f', '{{.Dir}}', module]);
      await copyFile(join(source, path), join(results, name));
      // Files of the module cache are read-only.
      await chmod(join(results, name), 0o644);
    }

    await putInPlace(results, work.output);
  });
}

/** Waits for all of them, whatever becomes of one: they work in the same folder. @throws what the first one threw */
async function allOf(all: readonly Promise<void>[]): Promise<void> {
  await Promise.allSettled(all);
  await Promise.all(all);
}

/** Without these kubelet says v0.0.0, and Istio then takes it for one without native sidecars. */
export function kubernetesStamps({ kubernetes }: Pick<SourceVersions, 'kubernetes'>): Record<string, string> {
  const [major = '', minor = ''] = kubernetes.split('.');
  return {
    'k8s.io/component-base/version.gitVersion': `v${kubernetes}`,
    'k8s.io/component-base/version.gitMajor': major,
    'k8s.io/component-base/version.gitMinor': minor,
    'k8s.io/component-base/version.gitTreeState': 'clean',
  };
}

/** What istiod, istioctl and the proxies call themselves. */
export function istioStamps({ istio, hub }: Pick<SourceVersions, 'istio' | 'hub'>): Record<string, string> {
  return {
    'istio.io/istio/pkg/version.buildVersion': istio,
    'istio.io/istio/pkg/version.buildTag': istio,
    'istio.io/istio/pkg/version.buildStatus': 'Clean',
    'istio.io/istio/pkg/version.buildHub': hub,
  };
}

function buildFlags({ tags, cgo, stamps }: Build): string[] {
  const stamping = Object.entries(stamps).map(([name, value]) => `-X ${name}=${value}`);
  const linking = ['-s -w', ...(cgo ? ['-extldflags=-static'] : []), ...stamping];
  return ['-buildvcs=false', '-trimpath', '-tags', tags, '-ldflags', linking.join(' ')];
}
