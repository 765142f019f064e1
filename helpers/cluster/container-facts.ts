import { Readable } from 'node:stream';
import type Dockerode from 'dockerode';
import { exists } from '../cache.ts';
import { follow } from '../engine.ts';
import { sourceLabel } from '../images/source/image.ts';
import { timeouts } from '../timeouts.ts';
import { runToEnd } from './one-shot.ts';

/** What a container sees that may do all that the node's may. */
export interface ContainerFacts {
  /** What it was started from, for people. */
  readonly from: string;
  readonly capabilities: bigint;
  /** Soft limit of open files that the engine hands down. */
  readonly openFiles: number;
  /** The hard one: what a process there may raise its own to. */
  readonly mostOpenFiles: number;
  readonly inotify: InotifyLimits;
  /** Free bytes where the engine has containers and images; undefined where it cannot be told. */
  readonly freeBytes: number | undefined;
}

/** Of one user: how many things that watch files there may be, and how many files they may watch together. */
export interface InotifyLimits {
  readonly instances: number;
  readonly watches: number;
}

export interface ContainerRequest {
  readonly dockerode: Dockerode;
  /** One that holds `sh`, `grep` and `cat`; undefined takes those of this machine, on whose kernel the engine must be then. */
  readonly image: string | undefined;
  /** As the node's; anything else is for tests. */
  readonly privileged?: boolean;
}

const script = `
grep CapEff /proc/self/status
grep 'Max open files' /proc/self/limits
echo "instances $(cat /proc/sys/fs/inotify/max_user_instances)"
echo "watches $(cat /proc/sys/fs/inotify/max_user_watches)"
df -Pk / 2>&1
`;

/**
 * Starts a privileged container as the cluster's node is one, has it say what it sees, and removes it.
 * @throws Error with the engine's reason when it cannot be started
 */
export async function containerFacts(request: ContainerRequest): Promise<ContainerFacts> {
  if (request.image !== undefined) return factsFrom(request, { image: request.image, mounts: [] });
  const { dockerode } = request;
  const image = await emptyImage(dockerode);
  try {
    return await factsFrom(request, { image, mounts: await ownPrograms() });
  } finally {
    await dockerode.getImage(image).remove({ force: true });
  }
}

async function factsFrom(
  { dockerode, privileged = true, image: given }: ContainerRequest,
  { image, mounts }: { readonly image: string; readonly mounts: Dockerode.MountSettings[] },
): Promise<ContainerFacts> {
  const { printed } = await runToEnd(
    dockerode,
    {
      Image: image,
      Entrypoint: ['sh', '-c', script],
      Cmd: [],
      User: '0',
      HostConfig: { Privileged: privileged, NetworkMode: 'none', Mounts: mounts },
    },
    { runId: `doctor-${process.pid}`, timeoutMs: timeouts.doctorCheck },
  );
  return { from: given ?? "this machine's own shell", ...factsIn(printed) };
}

/** @returns its ID. A build removes it by its label, were this process to end too early. */
async function emptyImage(dockerode: Dockerode): Promise<string> {
  const { name, value } = sourceLabel;
  // Two blocks of zeros are an archive without files.
  const answer = await dockerode.importImage(Readable.from([Buffer.alloc(1024)]), {
    changes: `LABEL ${name}=${value}`,
  });
  let id = '';
  await follow(answer, ({ status = '' }) => {
    if (status.startsWith('sha256:')) id = status;
  });
  return id;
}

/** Where a shell and its libraries are, to be looked at and not touched. */
async function ownPrograms(): Promise<Dockerode.MountSettings[]> {
  const folders = ['/usr', '/bin', '/lib', '/lib64'];
  const there = await Promise.all(folders.map(exists));
  return folders
    .filter((_folder, index) => there[index])
    .map((folder) => ({ Type: 'bind', Source: folder, Target: folder, ReadOnly: true }));
}

/** @throws Error when the text is not what the script prints */
export function factsIn(printed: string): Omit<ContainerFacts, 'from'> {
  const value = (pattern: RegExp): string => {
    const [, found] = pattern.exec(printed) ?? [];
    if (found === undefined) throw new Error(`The container printed something else: ${printed.trim()}`);
    return found;
  };
  const [, freeKilobytes] = /^\S+(?:\s+\d+){2}\s+(\d+)\s+\d+%\s+\/$/m.exec(printed) ?? [];
  const limit = (pattern: RegExp): number => {
    const text = value(pattern);
    return text === 'unlimited' ? Infinity : Number(text);
  };
  return {
    capabilities: BigInt(`0x${value(/^CapEff:\s*([0-9a-f]+)/m)}`),
    openFiles: limit(/^Max open files\s+(\S+)/m),
    mostOpenFiles: limit(/^Max open files\s+\S+\s+(\S+)/m),
    inotify: { instances: Number(value(/^instances (\d+)/m)), watches: Number(value(/^watches (\d+)/m)) },
    freeBytes: freeKilobytes === undefined ? undefined : Number(freeKilobytes) * 1024,
  };
}
