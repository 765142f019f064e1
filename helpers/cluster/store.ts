import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { EnvironmentError, messageOf } from '../errors.ts';
import { exists, inCache } from '../cache.ts';
import { mustHaveSpace } from '../images/disk.ts';
import type { ImageSet } from '../images/roles.ts';
import { timeouts } from '../timeouts.ts';
import type { MountSettings } from 'dockerode';
import { dockerode } from '../engine.ts';
import { decodeOwner, encodeOwner, isAlive, thisProcess } from './labels.ts';
import { runToEnd } from './one-shot.ts';

/** Where a node of the source set looks for a prepared containerd root (images/node/entrypoint). */
export const preparedFolder = '/var/lib/rancher/k3s/agent/prepared';
const containerdRoot = '/var/lib/rancher/k3s/agent/containerd';
/** containerd's own database: without it nothing was prepared. */
const database = 'io.containerd.metadata.v1.bolt/meta.db';

/** Stores that stay; each is some 700 MB. */
const kept = 3;
/** A store that was used since is not pruned: a node may be about to be started on it. */
const inUseMs = 3_600_000;
/** How many times larger than their archive the unpacked images are. */
const growth = 3;

export interface StoreRequest {
  readonly runId: string;
  /** Names what is in the store: the node's image and the archives. */
  readonly key: string;
  readonly images: ImageSet;
  readonly archives: readonly ImageSet['archive'][];
  readonly imagesFolder: string;
  readonly report: (detail: string) => void;
}

/**
 * A containerd root with the archives imported, made once for the same node and archives and shared by all runs: a node
 * reads it where it is, while importing costs it ten seconds. Made beside its final place and renamed, so that whoever
 * finds one finds it whole.
 * @returns its folder; undefined when there is none to be had, and the node has to import the archives by itself
 * @throws EnvironmentError when it is interrupted
 */
export async function preparedStore(request: StoreRequest): Promise<string | undefined> {
  // Only what is tried: the stand-in node. k3s has a root of its own, which nothing here knows. Files of root's are root's to rename.
  if (request.images.images.k3s.source !== 'source' || process.getuid?.() !== 0) return undefined;
  const folder = inCache('stores', request.key);
  if (!(await exists(join(folder, database)))) {
    request.report('importing the images, once for all nodes');
    try {
      await make(request, folder);
    } catch (error) {
      if (error instanceof Killed) throw error;
      // A cache on a file system that cannot hold such a root, or a full one: a node does without.
      request.report(`the images could not be imported beforehand: ${messageOf(error)}`);
      return undefined;
    }
  }
  const now = new Date();
  await utimes(folder, now, now);
  return folder;
}

class Killed extends EnvironmentError {}

async function make(request: StoreRequest, folder: string): Promise<void> {
  const stores = inCache('stores');
  await mkdir(stores, { recursive: true });
  await sweepUnfinished(stores);
  const bytes = request.archives.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  await mustHaveSpace(stores, growth * bytes, 'the images as nodes hold them');
  const unfinished = join(stores, `.new-${request.runId}`);
  const root = join(unfinished, 'root');
  try {
    await mkdir(root, { recursive: true });
    await writeFile(join(unfinished, 'owner'), encodeOwner(thisProcess()));
    await importInto(root, request);
    if (!(await exists(join(root, database)))) throw new Error('the engine does not see this cache folder');
    // Another run may have been faster.
    await rename(root, folder).catch(async (error: unknown) => {
      if (!(await exists(join(folder, database)))) throw error;
    });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  await prune(stores, await mountedHere());
}

/** What containers of this engine have mounted, also those that were stopped. */
async function mountedHere(): Promise<ReadonlySet<string>> {
  const containers = await (await dockerode()).listContainers({ all: true });
  return new Set(containers.flatMap(({ Mounts }) => Mounts.map(({ Source }) => Source)));
}

async function importInto(
  root: string,
  { runId, images, archives, imagesFolder }: StoreRequest,
): Promise<void> {
  const { exitCode, printed } = await runToEnd(
    await dockerode(),
    {
      Image: images.images.k3s.reference,
      Cmd: ['prepare'],
      HostConfig: {
        Privileged: true,
        NetworkMode: 'none',
        Tmpfs: { '/run': 'rw' },
        // Unlike a bind of the short form, a mount fails where the engine does not see its source.
        Mounts: [
          { Type: 'bind', Source: root, Target: containerdRoot },
          ...archives.map(({ path }): MountSettings => ({
            ...{ Type: 'bind', Source: path, ReadOnly: true },
            Target: `${imagesFolder}/${basename(path)}`,
          })),
        ],
      },
    },
    { runId, timeoutMs: timeouts.clusterReady },
  );
  if (exitCode === undefined) throw new Error(`not done within ${timeouts.clusterReady / 1000} s`);
  if (exitCode === 137) {
    throw new Killed('The import of the images was interrupted', 'Run again: nothing of it is left.');
  }
  if (exitCode !== 0) throw new Error(printed.trim().split('\n').slice(-5).join('; '));
}

/** What runs that were killed had begun. */
async function sweepUnfinished(stores: string): Promise<void> {
  for (const name of await readdir(stores)) {
    if (!name.startsWith('.new-')) continue;
    const text = await readFile(join(stores, name, 'owner'), 'utf8').catch(() => undefined);
    const owner = text === undefined ? undefined : decodeOwner(text);
    if (owner !== undefined && !isAlive(owner))
      await rm(join(stores, name), { recursive: true, force: true });
  }
}

/** The stores that were not used for longest go, but for those that nodes have mounted. */
export async function prune(stores: string, mounted: ReadonlySet<string>): Promise<void> {
  for (const { folder, at } of (await storesByUse(stores)).slice(kept)) {
    if (Date.now() - at > inUseMs && !mounted.has(folder)) await rm(folder, { recursive: true, force: true });
  }
}

/** The stores in a folder and when each was used last, in ms since the epoch: the one used last comes first. */
export async function storesByUse(
  stores: string,
): Promise<{ readonly folder: string; readonly at: number }[]> {
  const folders = (await readdir(stores))
    .filter((name) => !name.startsWith('.'))
    .map((name) => join(stores, name));
  const used = await Promise.all(
    folders.map(async (folder) => ({ folder, at: (await stat(folder)).mtimeMs })),
  );
  return used.sort((a, b) => b.at - a.at);
}
