import { release } from 'node:os';
import type { Readable } from 'node:stream';
import type Dockerode from 'dockerode';
import { getContainerRuntimeClient, type ContainerRuntimeClient } from 'testcontainers';
import { EnvironmentError, messageOf } from './errors.ts';

// Ryuk would remove a kept cluster and is one more image to pull. Instead every run labels what it makes, and the
// next run sweeps (cluster/sweep.ts), which also works where Ryuk cannot run.
process.env['TESTCONTAINERS_RYUK_DISABLED'] ??= 'true';

/** Processor architectures as Go and Docker name them. */
export type Architecture = 'amd64' | 'arm64';

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
  mustBeTheEngineAskedFor(client);
  return client;
}

/** When DOCKER_HOST does not answer, testcontainers tries the standard sockets: not the engine that was asked for. */
function mustBeTheEngineAskedFor({ container }: ContainerRuntimeClient): void {
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

/** @throws EnvironmentError when no engine answers */
export async function dockerode(): Promise<Dockerode> {
  const { container } = await containerEngine();
  return container.dockerode;
}

/** What the engine's images are built for. */
export async function engineArchitecture(): Promise<Architecture> {
  const { Arch } = await (await dockerode()).version();
  return Arch === 'arm64' || Arch === 'aarch64' ? 'arm64' : 'amd64';
}

/** Folder of the engine's images on the engine's machine. */
export async function engineFolder(): Promise<string> {
  return imagesFolderOf((await (await dockerode()).info()) as EngineFolders);
}

interface EngineFolders {
  readonly DockerRootDir: string;
  readonly DriverStatus?: readonly (readonly string[])[] | null | undefined;
}

/**
 * Where the engine keeps images, from its `/info`: with containerd's image store, which new installations of Docker 29 have,
 * that is containerd's own root (docs.docker.com/engine/storage/containerd) and not `DockerRootDir`.
 */
export function imagesFolderOf({ DockerRootDir, DriverStatus }: EngineFolders): string {
  const inContainerd = DriverStatus?.some(
    ([name, value]) => name === 'driver-type' && value === 'io.containerd.snapshotter.v1',
  );
  return inContainerd === true ? '/var/lib/containerd' : DockerRootDir;
}

/** Its containers run on the kernel of this process: not across a network, nor in a virtual machine. */
export async function engineIsHere(): Promise<boolean> {
  const docker = await dockerode();
  return isHere(docker, (await docker.info()) as { KernelVersion: string });
}

/** Likewise, of an engine and its `/info`. */
export function isHere(
  { modem }: Dockerode,
  { KernelVersion }: { readonly KernelVersion?: string | undefined },
): boolean {
  const { socketPath } = modem as { readonly socketPath?: string };
  return socketPath !== undefined && process.platform === 'linux' && KernelVersion === release();
}

export interface LocalImage {
  /** The engine's ID, `sha256:…`. */
  readonly digest: string;
  readonly sizeBytes: number;
}

/** Undefined when the engine does not have it. */
export async function inspectImage(reference: string): Promise<LocalImage | undefined> {
  const docker = await dockerode();
  try {
    const { Id, Size } = await docker.getImage(reference).inspect();
    return { digest: Id, sizeBytes: Size };
  } catch (error) {
    if (apiRefusal.status(error) === 404) return undefined;
    throw error;
  }
}

export interface EngineEvent {
  readonly stream?: string;
  readonly status?: string;
  readonly id?: string;
  readonly error?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
}

/** Resolves when the engine's answer ended well; rejects with the error that it tells. */
export async function follow(
  answer: NodeJS.ReadableStream,
  onEvent: (event: EngineEvent) => void,
): Promise<void> {
  const docker = await dockerode();
  let told: string | undefined;
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(
      answer,
      (broken: Error | null) => {
        // A pull or build that fails half-way has begun with status 200: the error is one of its messages.
        if (broken === null && told === undefined) resolve();
        else reject(broken ?? new Error(told));
      },
      (event: EngineEvent) => {
        told ??= event.error;
        onEvent(event);
      },
    );
  });
}

/** `docker save` of several images as a stream. */
export async function saveImages(references: readonly string[], signal?: AbortSignal): Promise<Readable> {
  // The call is there since Docker 1.7; its types are not.
  const docker = (await dockerode()) as Dockerode & {
    getImages(options: { names: readonly string[]; abortSignal?: AbortSignal }): Promise<Readable>;
  };
  return docker.getImages({ names: references, ...(signal === undefined ? {} : { abortSignal: signal }) });
}

/** `docker load` of a stream. @throws Error with what the engine says */
export async function loadImages(archive: Readable): Promise<void> {
  await follow(await (await dockerode()).loadImage(archive), () => undefined);
}

/** The last `lines` lines that a container printed, standard output and standard error in the order they came. */
export async function logOf(container: Dockerode.Container, lines: number): Promise<string> {
  return plainLog(await container.logs({ stdout: true, stderr: true, tail: lines }));
}

/**
 * The text of a container's log. Without a terminal the engine puts eight bytes before each piece: the stream
 * (0 to 2), three zeros, the length. dockerode's `demuxStream` takes a stream that is followed; this is a whole log.
 */
export function plainLog(log: Buffer): string {
  const pieces: Buffer[] = [];
  for (let position = 0; position < log.length;) {
    const header = log.subarray(position, position + 8);
    if (header.length < 8 || header.readUInt32BE(0) & 0xfcffffff) return log.toString('utf8');
    const length = header.readUInt32BE(4);
    pieces.push(log.subarray(position + 8, position + 8 + length));
    position += 8 + length;
  }
  return Buffer.concat(pieces).toString('utf8');
}

/** Engine errors by HTTP status, as dockerode throws them. */
export const apiRefusal = {
  status(error: unknown): number | undefined {
    if (typeof error !== 'object' || error === null || !('statusCode' in error)) return undefined;
    return typeof error.statusCode === 'number' ? error.statusCode : undefined;
  },

  /** Waits for the work; a refusal with one of these statuses counts as done (it was gone already). */
  async ignore(statuses: readonly number[], work: Promise<unknown>): Promise<void> {
    try {
      await work;
    } catch (error) {
      const status = apiRefusal.status(error);
      if (status === undefined || !statuses.includes(status)) throw error;
    }
  },
};
