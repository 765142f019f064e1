import { access } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { EnvironmentError } from '../../errors.ts';

const prepareHost = fileURLToPath(new URL('../../../scripts/prepare-host', import.meta.url));

/**
 * Has the project's own script check, and where it can install, the tools that a build needs. It talks to the
 * user itself.
 * @throws EnvironmentError when they are missing; the script has said which
 */
export async function mustHaveSourceTools(): Promise<void> {
  const there = await access(prepareHost).then(
    () => true,
    () => false,
  );
  if (!there) return;
  // Its words go where progress goes: standard output is for results.
  const { exitCode } = await execa(prepareHost, ['source-tools'], {
    stdin: 'inherit',
    stdout: process.stderr,
    stderr: 'inherit',
    reject: false,
  });
  if (exitCode === 0) return;
  throw new EnvironmentError(
    'Tools for building the images from source are missing on this machine; they are named above.',
    'Install them, or take the published images: --images registry.',
  );
}
