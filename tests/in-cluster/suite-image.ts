import { cp, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import tls from 'node:tls';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { dockerode } from '../../helpers/engine.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface SuiteImage extends AsyncDisposable {
  readonly reference: string;
  /** Puts it into a node, which no registry could give it. */
  readonly into: (containerId: string) => Promise<void>;
}

/** The suite's own image, by its Dockerfile; on the source set's Debian, since no registry may be in reach. */
export async function buildSuiteImage(): Promise<SuiteImage> {
  const name = (what: string): string => `localhost/conformance-test/${what}:${process.pid}`;
  const folder = await mkdtemp(join(tmpdir(), 'conformance-suite-image-'));
  try {
    await cp(fileURLToPath(new URL('node', import.meta.url)), folder, { recursive: true });
    await cp(process.execPath, join(folder, 'node'));
    await cp(await npmFolder(), join(folder, 'npm'), { recursive: true });
    await writeFile(join(folder, 'ca.crt'), tls.getCACertificates('default').join('\n'));
    await execa('docker', ['build', '--tag', name('node'), '--build-arg', `BASE=${await base()}`, folder]);
    await execa('docker', [
      ...['build', '--tag', name('suite'), '--build-arg', `NODE_IMAGE=${name('node')}`],
      root,
    ]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return {
    reference: name('suite'),
    into: async (containerId) => {
      const save = execa('docker', ['save', name('suite')], { buffer: false, encoding: 'buffer' });
      const into = [
        'exec',
        '--interactive',
        containerId,
        'ctr',
        '--namespace',
        'k8s.io',
        'images',
        'import',
        '-',
      ];
      await save.pipe('docker', into);
    },
    [Symbol.asyncDispose]: async () => {
      await execa('docker', ['image', 'rm', name('suite'), name('node')], { reject: false });
    },
  };
}

/** Where npm's command leads to: <folder>/bin/npm-cli.js. */
async function npmFolder(): Promise<string> {
  const { stdout } = await execa('bash', ['-c', 'command -v npm']);
  return dirname(dirname(await realpath(stdout)));
}

/** The newest of the source set's. */
async function base(): Promise<string> {
  const filters = { reference: ['localhost/conformance-source/base'] };
  const images = await (await dockerode()).listImages({ filters });
  const [newest] = images.sort((a, b) => b.Created - a.Created);
  const name = newest?.RepoTags?.[0];
  if (name === undefined) throw new Error('The engine has no base of the source image set');
  return name;
}
