import { access, constants, readFile } from 'node:fs/promises';
import { availableParallelism, freemem, totalmem } from 'node:os';
import { dirname } from 'node:path';
import { cacheDir, exists } from '../cache.ts';
import { imagesFolderOf } from '../engine.ts';
import { freeBytes, gigabyte, gigabytes, tooLittleSpace } from '../images/disk.ts';
import { registryBytes } from '../images/ensure.ts';
import { planSourceSet } from '../images/source/build.ts';
import { sourceVersions } from '../images/versions.ts';
import { failed, inGroup, ok, together, warning, type Finding } from './check.ts';
import { architectureFinding, platformsOf } from './architecture.ts';
import { clockFinding } from './clock.ts';
import type { InotifyLimits } from '../cluster/container-facts.ts';
import type { EngineFacts } from './engine-facts.ts';
import type { Surroundings } from './surroundings.ts';

/** A node with the mesh, and its images unpacked for it. */
const nodeBytes = 2 * gigabyte;
/** Reports, temporary folders. */
const runBytes = 0.1 * gigabyte;

export const machineChecks = inGroup('Machine', {
  architecture: {
    needsEngine: true,
    look: async ({ engine, set }) => {
      const [facts, { images, source, ready }] = await Promise.all([engine(), set()]);
      return architectureFinding(await platformsOf(facts.dockerode, images), {
        engine: facts.architecture,
        here: process.arch,
        toBuild: source === 'source' && !ready,
      });
    },
  },
  cpu: {
    quick: true,
    needsEngine: true,
    look: async ({ engine }) => cpuFinding((await engine()).info.NCPU, availableParallelism()),
  },
  memory: {
    quick: true,
    needsEngine: true,
    look: async ({ engine }) => {
      const { info, onThisKernel } = await engine();
      return memoryFinding({
        engine: info.MemTotal,
        available: onThisKernel ? await availableBytes() : undefined,
        // Of a process that is not limited it is absurdly large.
        limit: Math.min(process.constrainedMemory() || Infinity, totalmem()),
      });
    },
  },
  'disk-cache': {
    quick: true,
    look: async (surroundings) => cacheFinding(surroundings),
  },
  'disk-engine': {
    quick: true,
    needsEngine: true,
    look: async ({ engine, container, quick }) => {
      const seen = quick ? undefined : (await container().catch(() => undefined))?.freeBytes;
      return engineDiskFinding(await engine(), seen);
    },
  },
  inotify: {
    quick: true,
    needsEngine: true,
    look: async ({ engine, container, quick }) => {
      const seen = quick ? undefined : (await container().catch(() => undefined))?.inotify;
      const limits = seen ?? ((await engine()).onThisKernel ? await inotifyHere() : undefined);
      if (limits === undefined)
        return ok("not checked: they belong to the engine's machine (see privileged)");
      return inotifyFinding(limits);
    },
  },
  'open-files': {
    quick: true,
    look: async ({ container, quick }) => {
      const seen = quick ? undefined : (await container().catch(() => undefined))?.openFiles;
      return openFilesFinding(await openFilesHere(), seen);
    },
  },
  clock: {
    quick: true,
    needsEngine: true,
    look: async ({ engine, registryAnswers, destination, quick }) => {
      const { clockAhead } = await engine();
      const answers = quick
        ? []
        : [...(await registryAnswers()), { registry: 'the destination', ...(await destination()) }];
      const dated = answers.flatMap(({ registry, clockAhead: ahead }) =>
        ahead === undefined ? [] : [{ who: registry, ahead }],
      );
      return clockFinding(clockAhead, dated);
    },
  },
});

export function cpuFinding(engine: number, here: number): Finding {
  if (engine >= 2 && here >= 2)
    return ok(engine === here ? `${engine} processors` : `${engine} processors for the engine, ${here} here`);
  const who = engine < 2 ? `The engine has ${engine} processor` : `This process may use ${here} processor`;
  return warning(
    `${who}: a run takes several minutes, and steps may time out`,
    'Give it at least two (Docker Desktop: Settings, Resources; elsewhere taskset or cpuset).',
  );
}

interface Memory {
  /** Of the engine's machine, in bytes. */
  readonly engine: number;
  /** Free for new processes there; undefined where it is another machine. */
  readonly available: number | undefined;
  readonly limit: number;
}

/** Measured: node, mesh and traffic take 1.3 GB of the engine's machine, the suite itself 0.4 GB. */
export function memoryFinding({ engine, available, limit }: Memory): Finding {
  const fine = [`${gigabytes(engine)} for the engine`];
  if (available !== undefined) fine.push(`${gigabytes(available)} of it free`);
  const give = 'Give it at least 4 GB (Docker Desktop: Settings, Resources), or stop other programs.';
  const has = `The engine has ${gigabytes(engine)} of memory`;
  const tooLittle =
    engine < 2 * gigabyte
      ? failed(`${has}; node and mesh need up to 2 GB`, give, 'NODE_NOT_READY')
      : engine < 3.5 * gigabyte
        ? warning(`${has}; a run works best with 4 GB`, give)
        : undefined;
  const taken =
    available !== undefined && available < 2 * gigabyte
      ? warning(`Only ${gigabytes(available)} of memory are free; node and mesh need up to 2 GB`, give)
      : undefined;
  const limited =
    limit < gigabyte
      ? warning(
          `This process may have ${gigabytes(limit)} of memory (its cgroup's limit); the suite needs up to 0.5 GB, a build from source 4 GB`,
          'Raise the limit of the container or cgroup that it runs in.',
        )
      : undefined;
  return together([tooLittle, taken, limited], fine.join(', '));
}

/** Memory available without swapping. */
async function availableBytes(): Promise<number> {
  const text = await readFile('/proc/meminfo', 'utf8').catch(() => '');
  const [, kilobytes] = /^MemAvailable:\s+(\d+) kB/m.exec(text) ?? [];
  return kilobytes === undefined ? freemem() : Number(kilobytes) * 1024;
}

async function cacheFinding({ quick, set, versions }: Surroundings): Promise<Finding> {
  const folder = cacheDir();
  const unwritable = await whyNotWritable(folder);
  if (unwritable !== undefined) {
    return failed(
      `The cache folder is not writable: ${unwritable}`,
      'Set CONFORMANCE_CACHE_DIR to a writable folder.',
    );
  }
  // In a run, whoever pulls or builds asks for the space that it takes.
  // Without an engine it is unknown what is missing.
  const chosen = quick ? undefined : await set().catch(() => undefined);
  const missing = chosen === undefined ? 0 : await missingBytes(chosen, versions);
  const purpose = missing === 0 ? 'a run in the cache folder' : 'the images in the cache folder';
  return spaceFinding(await freeBytes(folder), folder, missing + runBytes, purpose);
}

async function missingBytes(
  { ready, source }: Awaited<ReturnType<Surroundings['set']>>,
  versions: Surroundings['versions'],
): Promise<number> {
  if (ready) return 0;
  if (source === 'registry') return registryBytes;
  const { plan } = await planSourceSet(
    sourceVersions(versions),
    process.arch === 'arm64' ? 'arm64' : 'amd64',
  );
  return plan.missing.reduce((sum, { bytes }) => sum + bytes, 0);
}

/**
 * Of the folders of images and of the volumes that a node writes to, which containerd's image store keeps apart.
 * @param seen Free bytes as a container sees them, also where the engine's folders are not to be seen from here
 */
export async function engineDiskFinding(
  { info, onThisKernel }: Pick<EngineFacts, 'info' | 'onThisKernel'>,
  seen: number | undefined,
  freeIn = async (folder: string) => ((await exists(folder)) ? freeBytes(folder) : undefined),
): Promise<Finding> {
  const images = imagesFolderOf(info);
  const folders = onThisKernel ? [...new Set([images, info.DockerRootDir])] : [];
  const here = await Promise.all(folders.map(async (folder) => ({ folder, free: await freeIn(folder) })));
  // The engine may see another disk by a folder's name than this process: what is less counts.
  const [least] = [{ folder: images, free: seen }, ...here]
    .flatMap(({ folder, free }) => (free === undefined ? [] : [{ folder, free }]))
    .sort((one, other) => one.free - other.free);
  if (least === undefined)
    return ok(
      `not checked: ${images || 'its folder'} is on the engine's machine, or this user cannot read it`,
    );
  return spaceFinding(
    least.free,
    least.folder,
    nodeBytes,
    "a node and its images in the engine's folder",
    "Free space there (`docker system df` lists what uses it), or move the engine's data-root to another disk.",
  );
}

function spaceFinding(
  free: number,
  folder: string,
  neededBytes: number,
  purpose: string,
  hint?: string,
): Finding {
  const error = tooLittleSpace(free, folder, neededBytes, purpose, hint);
  if (error !== undefined) return failed(error.message, error.hint, error.code);
  return ok(`${gigabytes(free)} free in ${folder}, ${gigabytes(neededBytes)} needed`);
}

/** Why a file cannot be made in a folder, or in the nearest one above it that is there. */
async function whyNotWritable(folder: string): Promise<string | undefined> {
  const there = await nearest(folder);
  return access(there, constants.W_OK | constants.X_OK).then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
}

async function nearest(folder: string): Promise<string> {
  const there = await access(folder).then(
    () => true,
    (error: unknown) => !(error instanceof Error && 'code' in error && error.code === 'ENOENT'),
  );
  return there || dirname(folder) === folder ? folder : nearest(dirname(folder));
}

/** Of the user namespace this process is in, where that is stricter than the machine's. */
async function inotifyHere(): Promise<InotifyLimits | undefined> {
  const read = async (path: string): Promise<number> => Number(await readFile(`/proc/sys/${path}`, 'utf8'));
  const least = async (name: 'instances' | 'watches'): Promise<number> =>
    Math.min(
      await read(`fs/inotify/max_user_${name}`),
      await read(`user/max_inotify_${name}`).catch(() => Infinity),
    );
  try {
    return { instances: await least('instances'), watches: await least('watches') };
  } catch {
    return undefined;
  }
}

/** Measured: a whole run has up to 44 instances and 593 watches at once. */
export function inotifyFinding({ instances, watches }: InotifyLimits): Finding {
  const said = `${instances} inotify instances and ${watches} watches a user`;
  const raise =
    'sudo sysctl -w fs.inotify.max_user_instances=512 fs.inotify.max_user_watches=524288 (in /etc/sysctl.d to stay)';
  if (instances < 48 || watches < 1_024) {
    return failed(`${said}: too few for a node ("too many open files")`, raise, 'NODE_NOT_READY');
  }
  if (instances < 128 || watches < 8_192) {
    return warning(`${said}: enough for one node if no other program watches files`, raise);
  }
  return ok(said);
}

async function openFilesHere(): Promise<number | undefined> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '');
  const [, soft] = /^Max open files\s+(\S+)/m.exec(limits) ?? [];
  if (soft === undefined) return undefined;
  return soft === 'unlimited' ? Infinity : Number(soft);
}

/**
 * @param here Limit of this process; undefined where it cannot be read
 * @param inContainers What the engine hands down; undefined where none was asked
 */
export function openFilesFinding(here: number | undefined, inContainers: number | undefined): Finding {
  const may = `This process may open ${here ?? ''} files`;
  const raise = 'ulimit -n 4096 (or raise the hard limit in /etc/security/limits.conf).';
  const own =
    here === undefined || here >= 1_024
      ? undefined
      : here < 256
        ? failed(`${may}; a run takes more`, raise)
        : warning(`${may}; a build from source needs more than 1024`, raise);
  const containers =
    inContainers !== undefined && inContainers < 4_096
      ? warning(
          `Containers may open ${inContainers} files; a node needs thousands`,
          'Raise nofile of the engine: default-ulimits in daemon.json, or LimitNOFILE of its service.',
        )
      : undefined;
  const parts = [
    ...(here === undefined ? [] : [`${here} open files here`]),
    ...(inContainers === undefined ? [] : [`${inContainers} in containers`]),
  ];
  return together([own, containers], parts.length === 0 ? 'unknown on this system' : parts.join(', '));
}
