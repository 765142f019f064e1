import type Dockerode from 'dockerode';
import { z } from 'zod';
import { containerEngine, isHere, type Architecture } from '../engine.ts';
import { late, orLate } from '../eventually/eventually.ts';
import { EnvironmentError } from '../errors.ts';
import { timeouts } from '../timeouts.ts';

const text = z
  .string()
  .nullish()
  .transform((value) => value ?? '');
/** What of the engine's `/info` is looked at. Podman leaves some of it out, or null. */
const infoSchema = z.object({
  Name: text,
  OperatingSystem: text,
  KernelVersion: text,
  NCPU: z.number(),
  MemTotal: z.number(),
  MemoryLimit: z.boolean().nullish(),
  PidsLimit: z.boolean().nullish(),
  CPUSet: z.boolean().nullish(),
  CgroupVersion: text,
  CgroupDriver: text,
  SystemTime: text,
  DockerRootDir: text,
  DriverStatus: z.array(z.array(z.string())).nullish(),
  DefaultRuntime: text,
  HttpProxy: text,
  HttpsProxy: text,
  NoProxy: text,
  SecurityOptions: z.array(z.string()).nullish(),
});
const versionSchema = z.object({
  Version: text,
  ApiVersion: text,
  Arch: text,
  Components: z.array(z.object({ Name: z.string() })).nullish(),
});

export interface EngineFacts {
  readonly dockerode: Dockerode;
  readonly product: 'Docker' | 'Podman';
  readonly version: string;
  readonly api: string;
  /** Its socket's path, or its host and port. */
  readonly address: string;
  /** Its host where it is reached over a network; undefined at a socket of this machine. */
  readonly host: string | undefined;
  readonly rootless: boolean;
  readonly architecture: Architecture;
  /** It runs on the kernel of this process: what /proc says here holds there. */
  readonly onThisKernel: boolean;
  /** Milliseconds that its clock is ahead of this machine's; undefined when it does not tell its time. */
  readonly clockAhead: number | undefined;
  readonly info: z.infer<typeof infoSchema>;
}

/**
 * What the engine says of itself and of its machine.
 * @throws EnvironmentError when none answers, or not within `timeouts.doctor`
 */
export async function engineFacts(): Promise<EngineFacts> {
  const facts = await orLate(ask(), timeouts.doctor);
  if (facts !== late) return facts;
  const asked = process.env['DOCKER_HOST'] ?? 'the standard sockets';
  throw new EnvironmentError(
    `The container engine at ${asked} gives no answer within ${timeouts.doctor / 1000} s`,
    'See whether `docker version` answers; restart the engine, or set DOCKER_HOST to another.',
    { code: 'ENGINE_UNREACHABLE' },
  );
}

async function ask(): Promise<EngineFacts> {
  const { container } = await containerEngine();
  const { dockerode } = container;
  const before = Date.now();
  const info = infoSchema.parse(await dockerode.info());
  const now = (before + Date.now()) / 2;
  const version = versionSchema.parse(await dockerode.version());
  const { socketPath, host, port } = dockerode.modem as {
    readonly socketPath?: string;
    readonly host?: string;
    readonly port?: number | string;
  };
  const time = Date.parse(info.SystemTime);
  const security = info.SecurityOptions ?? [];
  return {
    dockerode,
    product: version.Components?.some(({ Name }) => Name.includes('Podman')) === true ? 'Podman' : 'Docker',
    version: version.Version,
    api: version.ApiVersion,
    address: socketPath ?? `${host ?? '?'}:${port ?? '?'}`,
    host: socketPath === undefined ? host?.replace(/^\w+:\/\//, '') : undefined,
    rootless: security.some((option) => option.includes('rootless')),
    architecture: /^(arm64|aarch64)$/.test(version.Arch) ? 'arm64' : 'amd64',
    onThisKernel: isHere(dockerode, info),
    clockAhead: Number.isNaN(time) ? undefined : time - now,
    info,
  };
}
