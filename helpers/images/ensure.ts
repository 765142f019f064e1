import type { Progress } from '../progress/progress.ts';
import { findArchive, writeArchive, type ArchivedImage } from './archive.ts';
import { cacheDir, sweepCache, withCacheLock } from '../cache.ts';
import { mustHaveSpace } from './disk.ts';
import { engineArchitecture, inspectImage, type Architecture } from '../engine.ts';
import { interruptible } from './interruptible.ts';
import { overridden, referencesOf, systemImagesOf, type ImageSetRequest } from './references.ts';
import { pull, registriesMustAnswer } from './registry.ts';
import { podRoles, roles, type ImageSet, type ResolvedImage, type Role } from './roles.ts';
import { buildSourceSet, planSourceSet } from './source/build.ts';
import { sourceVersions } from './versions.ts';

export interface EnsureOptions {
  /** Builds or pulls everything anew. */
  readonly rebuild?: boolean;
  /** Stops the work; nothing unfinished is left. */
  readonly signal?: AbortSignal;
}

/** Pulled layers, and the archive made of them. */
export const registryBytes = 3e9;

/**
 * The images of a set in the engine, and their archive in the cache. When all of it exists, this only
 * asks the engine; else it pulls or builds what is missing, one run at a time on this machine.
 * @throws UsageError when there is no recipe for these versions, or a mirror has no place for one
 * @throws EnvironmentError when a registry, the disk, a tool or the engine fails
 */
export async function ensureImageSet(
  request: ImageSetRequest,
  progress: Progress,
  options: EnsureOptions = {},
): Promise<ImageSet> {
  const architecture = await engineArchitecture();
  if (options.rebuild !== true) {
    const ready = await setOf(request, architecture, findArchive);
    if (ready !== undefined) return ready;
  }
  const waiting = (): void => {
    progress.note('  Another run is preparing images: waiting for it.');
  };
  return withCacheLock(waiting, async () => {
    await sweepCache();
    // Another run may have made it all meanwhile.
    if (options.rebuild !== true) {
      const ready = await setOf(request, architecture, findArchive);
      if (ready !== undefined) return ready;
    }
    return interruptible('preparing images', options.signal, (signal) =>
      provide(request, architecture, progress, { ...options, signal }),
    );
  });
}

/** Whether the whole set is here: a run would neither pull nor build. */
export async function imageSetIsReady(request: ImageSetRequest): Promise<boolean> {
  return (await setOf(request, await engineArchitecture(), findArchive)) !== undefined;
}

async function provide(
  request: ImageSetRequest,
  architecture: Architecture,
  progress: Progress,
  options: EnsureOptions & { readonly signal: AbortSignal },
): Promise<ImageSet> {
  if (request.source === 'source') await buildMissing(request, architecture, progress, options);
  await pullMissing(request, architecture, progress, options);
  const set = await setOf(request, architecture, async (images) => {
    const found = await findArchive(images);
    return found ?? progress.phase('Archive of the pods’ images', () => writeArchive(images, options.signal));
  });
  if (set === undefined) throw new Error('The engine lost an image that it was just given.');
  return set;
}

/** The set if the engine has all of its images, and there is an archive of them. */
async function setOf(
  request: ImageSetRequest,
  architecture: Architecture,
  archiveOf: (images: readonly ArchivedImage[]) => Promise<ImageSet['archive'] | undefined>,
): Promise<ImageSet | undefined> {
  const { source, istio, kubernetes } = request;
  const resolved = await resolveAll(request, architecture);
  const archive = resolved === undefined ? undefined : await archiveOf(resolved.archived);
  if (resolved === undefined || archive === undefined) return undefined;
  return { source, istio, kubernetes, images: resolved.byRole, archive };
}

async function buildMissing(
  request: ImageSetRequest,
  architecture: Architecture,
  progress: Progress,
  options: EnsureOptions,
): Promise<void> {
  const planned = await planSourceSet(sourceVersions(request), architecture, {
    ...options,
    without: overridden(request),
  });
  if (planned.plan.missing.length > 0) await buildSourceSet(planned, progress, options);
}

async function pullMissing(
  request: ImageSetRequest,
  architecture: Architecture,
  progress: Progress,
  { rebuild = false, signal }: EnsureOptions,
): Promise<void> {
  const missing: string[] = [];
  for (const reference of await pulledReferences(request, architecture)) {
    if (rebuild || (await inspectImage(reference)) === undefined) missing.push(reference);
  }
  if (missing.length === 0) return;
  // A mirror may be one that only the engine reaches, or that it alone may ask without TLS: its answer counts.
  if (request.mirror === undefined) await registriesMustAnswer(missing);
  await mustHaveSpace(cacheDir(), registryBytes, 'the published images and their archive');
  await progress.phase('Pulling images', async (report) => {
    // One after the other: registries limit parallel downloads, and the line below can name one.
    for (const [index, reference] of missing.entries()) {
      await pull(
        reference,
        (detail) => {
          report(`${index + 1} of ${missing.length}: ${reference}, ${detail}`);
        },
        { mirror: request.mirror, signal },
      );
    }
  });
}

/** What of a set comes from registries, each reference once. */
async function pulledReferences(
  request: ImageSetRequest,
  architecture: Architecture,
): Promise<readonly string[]> {
  if (request.source === 'source') return [...new Set(Object.values(request.overrides ?? {}))];
  const references = Object.values(await referencesOf(request, architecture));
  return [...new Set([...references, ...systemImagesOf(request).map(({ reference }) => reference)])];
}

interface Resolved {
  readonly byRole: Readonly<Record<Role, ResolvedImage>>;
  readonly archived: readonly ArchivedImage[];
}

/** Undefined when the engine lacks one of them. */
async function resolveAll(
  request: ImageSetRequest,
  architecture: Architecture,
): Promise<Resolved | undefined> {
  const references = await referencesOf(request, architecture);
  const byRole: Partial<Record<Role, ResolvedImage>> = {};
  for (const role of roles) {
    const reference = references[role];
    const local = await inspectImage(reference);
    if (local === undefined) return undefined;
    const source = request.overrides?.[role] === undefined ? request.source : 'registry';
    byRole[role] = { role, reference, source, ...local };
  }
  const images = byRole as Record<Role, ResolvedImage>;
  const archived: ArchivedImage[] = podRoles.map((role) => {
    const { reference, digest, sizeBytes } = images[role];
    return { reference, name: reference, digest, sizeBytes };
  });
  for (const image of systemImagesOf(request)) {
    const local = await inspectImage(image.reference);
    if (local === undefined) return undefined;
    archived.push({ ...image, ...local });
  }
  return { byRole: images, archived };
}
