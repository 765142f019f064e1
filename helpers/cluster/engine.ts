import { getContainerRuntimeClient, type ContainerRuntimeClient } from 'testcontainers';
import { EnvironmentError, messageOf } from '../errors.ts';

// Ryuk would remove a kept cluster and is one more image to pull; every run labels what it makes and the next
// one sweeps (sweep.ts), which also works where Ryuk cannot run.
process.env['TESTCONTAINERS_RYUK_DISABLED'] ??= 'true';

/**
 * The container engine, as testcontainers finds it: DOCKER_HOST, docker.host of ~/.testcontainers.properties,
 * the standard and the rootless sockets.
 * @throws EnvironmentError when none answers
 */
export async function containerEngine(): Promise<ContainerRuntimeClient> {
  try {
    return await getContainerRuntimeClient();
  } catch (error) {
    const asked = process.env['DOCKER_HOST'] ?? 'the standard sockets';
    throw new EnvironmentError(
      `No container engine answers at ${asked}: ${messageOf(error)}`,
      'Start Docker (or Podman and set DOCKER_HOST). On Debian and Ubuntu as root, `scripts/prepare-host engine` installs and starts one.',
      { cause: error },
    );
  }
}
