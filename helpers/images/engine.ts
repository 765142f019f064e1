import { release } from 'node:os';
import type { Readable } from 'node:stream';
import type Dockerode from 'dockerode';
import { containerEngine } from '../cluster/engine.ts';
import type { Architecture } from './versions.ts';

/** An image that the engine has. */
export interface LocalImage {
  /** The engine's ID, `sha256:…`. */
  readonly digest: string;
  readonly sizeBytes: number;
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
  const { DockerRootDir } = (await (await dockerode()).info()) as { DockerRootDir: string };
  return DockerRootDir;
}

/** Its containers run on the kernel of this process: not across a network, nor in a virtual machine. */
export async function engineIsHere(): Promise<boolean> {
  const docker = await dockerode();
  const { socketPath } = docker.modem as { readonly socketPath?: string };
  const { KernelVersion } = (await docker.info()) as { KernelVersion: string };
  return socketPath !== undefined && process.platform === 'linux' && KernelVersion === release();
}

/** Undefined when the engine does not have it. */
export async function inspectImage(reference: string): Promise<LocalImage | undefined> {
  const docker = await dockerode();
  try {
    const { Id, Size } = await docker.getImage(reference).inspect();
    return { digest: Id, sizeBytes: Size };
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** One message of a pull or a build. */
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

function isNotFound(error: unknown): boolean {
  return error instanceof Error && 'statusCode' in error && error.statusCode === 404;
}
