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
  let client: ContainerRuntimeClient;
  try {
    client = await getContainerRuntimeClient();
  } catch (error) {
    const asked = process.env['DOCKER_HOST'] ?? 'the standard sockets';
    throw new EnvironmentError(
      `No container engine answers at ${asked}: ${messageOf(error)}`,
      'Start Docker (or Podman and set DOCKER_HOST). On Debian and Ubuntu as root, `scripts/prepare-host engine` installs and starts one.',
      { cause: error, code: 'ENGINE_UNREACHABLE' },
    );
  }
  engineMustBeTheOneAskedFor(client);
  return client;
}

/** testcontainers goes on to the standard sockets when DOCKER_HOST does not answer: another engine than was meant. */
function engineMustBeTheOneAskedFor({ container }: ContainerRuntimeClient): void {
  const asked = process.env['DOCKER_HOST'];
  if (asked === undefined || asked === '') return;
  const { socketPath, host } = container.dockerode.modem as { socketPath?: string; host?: string };
  const { protocol, hostname, pathname } = new URL(asked);
  const same =
    protocol === 'unix:' || protocol === 'npipe:' ? socketPath === pathname : host?.includes(hostname);
  if (same === true) return;
  throw new EnvironmentError(
    `No container engine answers at DOCKER_HOST=${asked}`,
    'Start that engine, or unset DOCKER_HOST to use another.',
    { code: 'ENGINE_UNREACHABLE' },
  );
}
