import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import type Dockerode from 'dockerode';
import { encodeOwner, labelKeys, thisProcess } from '../cluster/labels.ts';
import { noProxies } from '../proxies/variables.ts';

/** What a container sees that may do all that the node's may. */
export interface ContainerFacts {
  /** The image it was started from. */
  readonly image: string;
  /** Mask of the capabilities it has. */
  readonly capabilities: bigint;
  /** Soft limit of open files that the engine hands down. */
  readonly openFiles: number;
  readonly inotify: InotifyLimits;
}

/** Of one user: how many things that watch files there may be, and how many files they may watch together. */
export interface InotifyLimits {
  readonly instances: number;
  readonly watches: number;
}

export interface ContainerRequest {
  readonly dockerode: Dockerode;
  /** One that holds `sh`, `grep` and `cat`. */
  readonly image: string;
  /** As the node's; anything else is for tests. */
  readonly privileged?: boolean;
  /** An OCI runtime other than the engine's default. */
  readonly runtime?: string;
}

const script = `
grep CapEff /proc/self/status
grep 'Max open files' /proc/self/limits
echo "instances $(cat /proc/sys/fs/inotify/max_user_instances)"
echo "watches $(cat /proc/sys/fs/inotify/max_user_watches)"
`;

/**
 * Starts a privileged container as the cluster's node is one, has it say what it sees, and removes it.
 * @throws Error with the engine's reason when it cannot be started
 */
export async function containerFacts(request: ContainerRequest): Promise<ContainerFacts> {
  const { dockerode, image, privileged = true, runtime } = request;
  const container = await dockerode.createContainer({
    Image: image,
    Entrypoint: ['sh', '-c', script],
    Cmd: [],
    User: '0',
    Env: Object.entries(noProxies).map(([name, value]) => `${name}=${value}`),
    // Were this process to end too early, the next run removes it.
    Labels: { [labelKeys.run]: `doctor-${process.pid}`, [labelKeys.owner]: encodeOwner(thisProcess()) },
    HostConfig: {
      Privileged: privileged,
      NetworkMode: 'none',
      ...(runtime === undefined ? {} : { Runtime: runtime }),
    },
  });
  try {
    const attached = await container.attach({ stream: true, stdout: true, stderr: true });
    const output = new PassThrough();
    dockerode.modem.demuxStream(attached, output, output);
    attached.once('end', () => output.end());
    const printed = text(output);
    await container.start();
    await container.wait();
    return { image, ...factsIn(await printed) };
  } finally {
    await container.remove({ force: true, v: true });
  }
}

/** @throws Error when the text is not what the script prints */
export function factsIn(printed: string): Omit<ContainerFacts, 'image'> {
  const value = (pattern: RegExp): string => {
    const [, found] = pattern.exec(printed) ?? [];
    if (found === undefined) throw new Error(`The container printed something else: ${printed.trim()}`);
    return found;
  };
  const openFiles = value(/^Max open files\s+(\S+)/m);
  return {
    capabilities: BigInt(`0x${value(/^CapEff:\s*([0-9a-f]+)/m)}`),
    openFiles: openFiles === 'unlimited' ? Infinity : Number(openFiles),
    inotify: { instances: Number(value(/^instances (\d+)/m)), watches: Number(value(/^watches (\d+)/m)) },
  };
}
