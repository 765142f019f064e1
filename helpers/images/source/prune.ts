import { readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { inCache } from '../cache.ts';
import { dockerode, engineArchitecture } from '../engine.ts';
import { withCacheLock } from '../lock.ts';
import { sourceVersions, type Versions } from '../versions.ts';
import { planSourceSet } from './build.ts';
import { removeStages, sourceLabel } from './image.ts';

/** Names of the images and cache entries that were removed. */
export type Pruned = readonly string[];

/**
 * Removes images and binaries that earlier recipes made. What `keep` is built from stays; without it all go.
 * Images in use by a container stay.
 */
export async function pruneSource(keep: readonly Versions[] = []): Promise<Pruned> {
  const architecture = await engineArchitecture();
  return withCacheLock(
    () => undefined,
    async () => {
      const kept = new Set<string>();
      for (const versions of keep) {
        const { plan } = await planSourceSet(sourceVersions(versions), architecture, { rebuild: true });
        for (const output of plan.outputs.values()) kept.add(output);
      }
      await removeStages();
      return [...(await removeImages(kept)), ...(await removeFolders(kept))];
    },
  );
}

async function removeImages(kept: ReadonlySet<string>): Promise<string[]> {
  const docker = await dockerode();
  const images = await docker.listImages({
    filters: { label: [`${sourceLabel.name}=${sourceLabel.value}`] },
  });
  const removed: string[] = [];
  for (const tag of images.flatMap(({ RepoTags }) => RepoTags ?? [])) {
    if (kept.has(tag)) continue;
    const gone = await docker
      .getImage(tag)
      .remove()
      .then(
        () => true,
        () => false,
      );
    if (gone) removed.push(tag);
  }
  return removed;
}

async function removeFolders(kept: ReadonlySet<string>): Promise<string[]> {
  const names = new Set([...kept].map((path) => basename(path)));
  const folder = inCache('source');
  const entries = await readdir(folder).catch(() => []);
  const superseded = entries.filter((entry) => !names.has(entry)).map((entry) => join(folder, entry));
  await Promise.all(superseded.map((path) => rm(path, { recursive: true, force: true })));
  return superseded;
}
