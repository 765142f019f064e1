import type { Progress } from '../progress/progress.ts';
import { findArchive, writeArchive } from './archive.ts';
import { cacheDir } from './cache.ts';
import { mustHaveSpace } from './disk.ts';
import { engineArchitecture, inspectImage } from './engine.ts';
import { interruptible } from './interruptible.ts';
import { withCacheLock } from './lock.ts';
import { pull, registriesMustAnswer } from './registry.ts';
import { podRoles, roles, type ImageSet, type ImageSource, type ResolvedImage, type Role } from './roles.ts';
import { buildSourceSet, planSourceSet } from './source/build.ts';
import { sweepTemporary } from './temporary.ts';
import { registryReferences, sourceVersions, type Architecture, type Versions } from './versions.ts';

export interface ImageSetRequest extends Versions {
  readonly source: ImageSource;
}

export interface EnsureOptions {
  /** Builds or pulls everything anew. */
  readonly rebuild?: boolean;
  /** Stops the work; nothing unfinished is left. */
  readonly signal?: AbortSignal;
}

/** Pulled layers, and the archive made of them. */
const registryBytes = 3e9;

/**
 * The images of a set in the engine, and their archive in the cache. Where all of it is there already this asks
 * the engine and does nothing; else it pulls or builds what is missing, one run at a time on this machine.
 * @throws UsageError when there is no recipe for these versions
 * @throws EnvironmentError when a registry, the disk, a tool or the engine fails
 */
export async function ensureImageSet(
  request: ImageSetRequest,
  progress: Progress,
  options: EnsureOptions = {},
): Promise<ImageSet> {
  const architecture = await engineArchitecture();
  if (options.rebuild !== true) {
    const ready = await findSet(request, architecture);
    if (ready !== undefined) return ready;
  }
  const waiting = (): void => {
    progress.note('  Another run is preparing images: waiting for it.');
  };
  return withCacheLock(waiting, async () => {
    await sweepTemporary();
    // Another run may have made it all meanwhile.
    if (options.rebuild !== true) {
      const ready = await findSet(request, architecture);
      if (ready !== undefined) return ready;
    }
    return interruptible('preparing images', options.signal, (signal) =>
      provide(request, architecture, progress, { ...options, signal }),
    );
  });
}

/** Whether the whole set is here: a run would neither pull nor build. */
export async function imageSetIsReady(request: ImageSetRequest): Promise<boolean> {
  return (await findSet(request, await engineArchitecture())) !== undefined;
}

async function provide(
  request: ImageSetRequest,
  architecture: Architecture,
  progress: Progress,
  options: EnsureOptions & { readonly signal: AbortSignal },
): Promise<ImageSet> {
  const { source, istio, kubernetes } = request;
  const references =
    source === 'source'
      ? await provideFromSource(request, architecture, progress, options)
      : await provideFromRegistry(request, architecture, progress, options);
  const images = await resolveAll(references, source);
  if (images === undefined) throw new Error('The engine lost an image that it was just given.');
  const pods = podRoles.map((role) => images[role]);
  const archive =
    (await findArchive(pods)) ??
    (await progress.phase('Archive of the pods’ images', () => writeArchive(pods, options.signal)));
  return { source, istio, kubernetes, images, archive };
}

/** The set if nothing of it is missing. */
async function findSet(
  { source, istio, kubernetes }: ImageSetRequest,
  architecture: Architecture,
): Promise<ImageSet | undefined> {
  const images = await resolveAll(await referencesOf({ source, istio, kubernetes }, architecture), source);
  if (images === undefined) return undefined;
  const archive = await findArchive(podRoles.map((role) => images[role]));
  return archive === undefined ? undefined : { source, istio, kubernetes, images, archive };
}

/** Which image plays which role; for the source set read from the recipes, without building. */
export async function referencesOf(
  request: ImageSetRequest,
  architecture: Architecture,
): Promise<Readonly<Record<Role, string>>> {
  if (request.source === 'registry') return registryReferences(request, architecture);
  return (await planSourceSet(sourceVersions(request), architecture)).references;
}

async function provideFromSource(
  request: ImageSetRequest,
  architecture: Architecture,
  progress: Progress,
  options: EnsureOptions,
): Promise<Readonly<Record<Role, string>>> {
  const planned = await planSourceSet(sourceVersions(request), architecture, options);
  if (planned.plan.missing.length > 0) await buildSourceSet(planned, progress, options);
  return planned.references;
}

async function provideFromRegistry(
  request: ImageSetRequest,
  architecture: Architecture,
  progress: Progress,
  { rebuild = false, signal }: EnsureOptions,
): Promise<Readonly<Record<Role, string>>> {
  const references = registryReferences(request, architecture);
  const missing: string[] = [];
  for (const reference of Object.values(references)) {
    if (rebuild || (await inspectImage(reference)) === undefined) missing.push(reference);
  }
  if (missing.length === 0) return references;
  await registriesMustAnswer(missing);
  await mustHaveSpace(cacheDir(), registryBytes, 'the published images and their archive');
  await progress.phase('Pulling images', async (report) => {
    // One after the other: registries limit parallel downloads, and the line below can name one.
    for (const [index, reference] of missing.entries()) {
      await pull(
        reference,
        (detail) => {
          report(`${index + 1} of ${missing.length}: ${reference}, ${detail}`);
        },
        signal,
      );
    }
  });
  return references;
}

/** Undefined when the engine lacks one of them. */
async function resolveAll(
  references: Readonly<Record<Role, string>>,
  source: ImageSource,
): Promise<Record<Role, ResolvedImage> | undefined> {
  const resolved = await Promise.all(
    roles.map(async (role): Promise<[Role, ResolvedImage] | undefined> => {
      const reference = references[role];
      const local = await inspectImage(reference);
      return local === undefined ? undefined : [role, { role, reference, source, ...local }];
    }),
  );
  const found = resolved.filter((entry) => entry !== undefined);
  return found.length < roles.length ? undefined : (Object.fromEntries(found) as Record<Role, ResolvedImage>);
}
