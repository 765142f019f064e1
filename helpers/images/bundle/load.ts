import { basename } from 'node:path';
import { UsageError } from '../../errors.ts';
import type { Progress } from '../../progress/progress.ts';
import { cacheDir, exists, withCacheLock } from '../../cache.ts';
import { explainDisk, megabytes, mustHaveSpace } from '../disk.ts';
import { engineArchitecture, engineFolder, type Architecture } from '../../engine.ts';
import { ensureImageSet } from '../ensure.ts';
import { interruptible } from '../interruptible.ts';
import { rememberLoaded } from '../loaded.ts';
import { originName, referencesOf, systemImagesOf } from '../references.ts';
import { roles } from '../roles.ts';
import { resolveVersions } from '../versions.ts';
import { requestOf, type SetManifest } from './manifest.ts';
import { bundleMustBeWhole, loadBundle, readManifest } from './read.ts';

/**
 * Loads a set that `images save` wrote into the engine, and makes its archive, so that a run with these versions and this
 * source asks no registry and builds nothing.
 * @returns what was loaded
 * @throws UsageError when the file is damaged, for another processor, or of another version of this suite
 * @throws EnvironmentError when the engine or the disk fails
 */
export async function loadSet(file: string, progress: Progress): Promise<SetManifest> {
  const manifest = await readManifest(file);
  const architecture = await engineArchitecture();
  await mustFit(file, manifest, architecture);
  const bytes = manifest.images.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  await mustHaveSpace(cacheDir(), bytes, 'the set’s archive');
  const folder = await engineFolder();
  // An engine in a virtual machine has a folder that is not here.
  if (await exists(folder)) await mustHaveSpace(folder, 2 * bytes, 'the set’s images');
  const waiting = (): void => {
    progress.note('  Another run is preparing images: waiting for it.');
  };
  await interruptible('loading images', undefined, async (signal) => {
    await progress.phase(`Checking ${basename(file)}`, (report) =>
      bundleMustBeWhole(file, asPercent(report), signal),
    );
    await withCacheLock(waiting, () =>
      progress.phase(`Loading ${manifest.images.length} images`, async (report) => {
        try {
          await loadBundle(file, asPercent(report), signal);
        } catch (error) {
          throw explainDisk(error, folder);
        }
      }),
    );
  });
  const request = requestOf(manifest);
  await ensureImageSet(request, progress);
  await rememberLoaded(request, basename(file));
  return manifest;
}

/** @throws UsageError when this checkout would not use what is in it */
async function mustFit(file: string, manifest: SetManifest, architecture: Architecture): Promise<void> {
  if (manifest.architecture !== architecture) {
    throw new UsageError(
      `${basename(file)} holds images for ${manifest.architecture}, and the engine runs ${architecture}.`,
      'Save the set on a machine with the same processor.',
    );
  }
  resolveVersions({ istio: manifest.istio, k8s: manifest.kubernetes });
  const request = requestOf(manifest);
  const here = new Map<string, string[]>();
  const references = await referencesOf(request, architecture);
  for (const role of roles) here.set(role, [references[role]]);
  here.set(
    'system',
    systemImagesOf(request).map(({ reference }) => reference),
  );
  for (const [role, wanted] of here) {
    const held = manifest.images.filter((image) => image.role === role).map(({ reference }) => reference);
    const missing = wanted.find((reference) => !held.includes(reference));
    if (missing === undefined) continue;
    throw new UsageError(
      `${basename(file)} was saved by another version of this suite: for ${role} it holds ${held.join(', ') || 'nothing'}, ` +
        `and this one takes ${missing} (${originName(request)}).`,
      'Save and load with the same version of the suite.',
    );
  }
}

function asPercent(report: (detail: string) => void): (read: number, of: number) => void {
  return (read, of) => {
    report(`${Math.floor((100 * read) / of)} % of ${megabytes(of)}`);
  };
}
