import { chmod, copyFile, mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exists, inCache } from '../cache.ts';
import { withTemporaryFolder } from '../temporary.ts';
import type { Architecture, SourceVersions } from '../versions.ts';
import { command, type CommandOptions } from './command.ts';
import type { Step, Work } from './graph.ts';

const moduleFolder = fileURLToPath(new URL('../../../images/go', import.meta.url));

/** Our own commands by folder, Istio's by import path; a binary has the last part's name. */
const targets = [
  './cmd/kube',
  './cmd/coredns',
  './cmd/pause',
  'istio.io/istio/pilot/cmd/pilot-discovery',
  'istio.io/istio/pilot/cmd/pilot-agent',
  'istio.io/istio/istioctl/cmd/istioctl',
] as const;

/** Istio's own tags: protobuf's fast paths, as in its releases. */
const tags = 'vtprotobuf,disable_pgv';

/**
 * Every Go binary of the set by one `go build`, so that what they share compiles once, and Envoy's bootstrap
 * template, which belongs to pilot-agent. The result is a folder.
 */
export function goStep(versions: SourceVersions, architecture: Architecture): Step {
  const flags = buildFlags(versions);
  return {
    name: 'go',
    inputs: {
      parameters: { targets: targets.join(' '), flags: flags.join(' '), architecture },
      files: {
        cmd: join(moduleFolder, 'cmd'),
        istio: join(moduleFolder, 'istio'),
        'go.mod': join(moduleFolder, 'go.mod'),
        'lock.mod': join(moduleFolder, 'lines', `${versions.lock}.mod`),
        'lock.sum': join(moduleFolder, 'lines', `${versions.lock}.sum`),
      },
    },
    needs: [],
    bytes: 8e9,
    output: (key) => inCache('source', `go-${key}`),
    exists,
    make: (work) => build(work, versions.lock, flags, architecture),
  };
}

async function build(
  work: Work,
  lock: string,
  flags: readonly string[],
  architecture: Architecture,
): Promise<void> {
  await withTemporaryFolder(async (temporary) => {
    const results = join(temporary, 'results');
    const scratch = join(temporary, 'scratch');
    await Promise.all([mkdir(results), mkdir(scratch)]);
    const go = (args: readonly string[], onLine?: CommandOptions['onLine']): Promise<string[]> =>
      command(work, 'go', args, {
        cwd: moduleFolder,
        env: { CGO_ENABLED: '0', GOOS: 'linux', GOARCH: architecture, GOWORK: 'off', GOTMPDIR: scratch },
        ...(onLine === undefined ? {} : { onLine }),
      });
    const modfile = `-modfile=lines/${lock}.mod`;

    let modules = 0;
    work.report('downloading modules');
    const packages = await go(['list', modfile, '-tags', tags, '-deps', ...targets], (line) => {
      if (line.startsWith('go: downloading ')) work.report(`${++modules} modules downloaded`);
    });

    let compiled = 0;
    work.report('compiling');
    await go(['build', '-v', modfile, ...flags, '-o', `${results}/`, ...targets], (line) => {
      if (!line.startsWith('go: ')) work.report(`${++compiled} of ${packages.length} packages`);
    });

    const [istio = ''] = await go(['list', modfile, '-m', '-f', '{{.Dir}}', 'istio.io/istio']);
    const template = join(results, 'envoy_bootstrap.json');
    await copyFile(join(istio, 'tools/packaging/common/envoy_bootstrap.json'), template);
    // Files of the module cache are read-only.
    await chmod(template, 0o644);

    await mkdir(dirname(work.output), { recursive: true });
    await rm(work.output, { recursive: true, force: true });
    await rename(results, work.output);
  });
}

/** Without the stamps kubelet says v0.0.0, and Istio then takes it for one without native sidecars. */
export function buildFlags({ istio, kubernetes, hub }: SourceVersions): string[] {
  const [major = '', minor = ''] = kubernetes.split('.');
  const stamps = {
    'k8s.io/component-base/version.gitVersion': `v${kubernetes}`,
    'k8s.io/component-base/version.gitMajor': major,
    'k8s.io/component-base/version.gitMinor': minor,
    'k8s.io/component-base/version.gitTreeState': 'clean',
    'istio.io/istio/pkg/version.buildVersion': istio,
    'istio.io/istio/pkg/version.buildTag': istio,
    'istio.io/istio/pkg/version.buildStatus': 'Clean',
    'istio.io/istio/pkg/version.buildHub': hub,
  };
  const stamping = Object.entries(stamps).map(([name, value]) => `-X ${name}=${value}`);
  return ['-buildvcs=false', '-trimpath', '-tags', tags, '-ldflags', ['-s -w', ...stamping].join(' ')];
}
