import { UsageError } from '../errors.ts';
import { imageSetIsReady } from './ensure.ts';
import { howLoaded, loadedSets, type LoadedSet } from './loaded.ts';
import { mirrorOf, type ImageChoice } from './mirror.ts';
import { overridesMustFit, type Overrides } from './overrides.ts';
import { probeRegistries, type RegistryAnswer } from './registry.ts';
import { registriesOf } from './reference.ts';
import { registryReferencesOf, type ImageOrigin, type ImageSetRequest } from './references.ts';
import {
  isPublished,
  registryReferences,
  resolveVersions,
  sourceVersions,
  type AskedVersions,
  type Versions,
} from './versions.ts';

export interface ChosenSource extends Pick<ImageOrigin, 'source' | 'mirror'> {
  /** A sentence for the user: why, and what it costs. */
  readonly because: string;
}

/** What the choice is made by; tests give their own. */
interface ChoiceFacts {
  readonly probe: (registries: readonly string[]) => Promise<readonly RegistryAnswer[]>;
  /** Whether a run would neither pull nor build anything. */
  readonly isReady: (request: ImageSetRequest) => Promise<boolean>;
  /** What came by `images load`, the newest first; nothing where this is not given. */
  readonly loaded?: () => Promise<readonly LoadedSet[]>;
}

/**
 * Where the images come from, one source for all versions, so that like is compared with like. `auto` takes the published
 * images if all of them are here, else what was loaded from a file, else the published ones if their registries answer; else
 * it builds from source.
 * @throws UsageError when what was asked for, or is left, cannot have these versions
 */
export async function chooseSource(
  asked: ImageChoice,
  versions: readonly Versions[],
  overrides: Overrides = {},
  facts: ChoiceFacts = { probe: probeRegistries, isReady, loaded: loadedSets },
): Promise<ChosenSource> {
  const chosen =
    asked === 'auto' ? await chooseItself(versions, overrides, facts) : askedFor(asked, versions, overrides);
  overridesMustFit(overrides, chosen.source);
  return chosen;
}

/** @throws UsageError when what was asked for cannot have these versions, which can be told without asking anybody */
export function askedFor(
  asked: Exclude<ImageChoice, 'auto'>,
  versions: readonly Versions[],
  overrides: Overrides,
): ChosenSource {
  const because = 'asked for';
  if (asked === 'source') {
    versions.forEach((each) => sourceVersions(each));
    overridesMustFit(overrides, 'source');
    return { source: 'source', because };
  }
  const mirror = mirrorOf(asked)?.given;
  const origin: ImageOrigin = { source: 'registry', ...(mirror === undefined ? {} : { mirror }) };
  // The names in a mirror are the same on every architecture, but for Squid's.
  for (const each of versions) {
    registryReferencesOf({ ...origin, ...each }, 'amd64');
    registryReferencesOf({ ...origin, ...each }, 'arm64');
  }
  return { ...origin, because };
}

/** What a run is for, and where its images come from. */
export interface ChosenVersions extends ChosenSource {
  readonly versions: Versions;
  /** Why this Istio, where none was asked for. */
  readonly versionsBecause?: string;
}

/**
 * The versions of one run and where their images come from. Where no Istio is asked for, it is the newest that the images at
 * hand have: the newest published release where those images are here or their registries answer, else the one that is
 * built from source.
 * @throws UsageError as {@link chooseSource} and for versions that do not fit
 */
export async function chooseVersions(
  asked: AskedVersions & { readonly images: ImageChoice },
  overrides: Overrides = {},
  facts: ChoiceFacts = { probe: probeRegistries, isReady, loaded: loadedSets },
): Promise<ChosenVersions> {
  const { images, istio } = asked;
  const built = resolveVersions(asked);
  if (istio !== undefined)
    return { ...(await chooseSource(images, [built], overrides, facts)), versions: built };
  if (images !== 'auto') {
    const chosen = await chooseSource(images, [built], overrides, facts);
    return { ...chosen, versions: built, versionsBecause: whyDefault(chosen.source) };
  }
  const published = resolveVersions({ ...asked, images: 'registry' });
  const choice = async (): Promise<Omit<ChosenVersions, 'versionsBecause'>> => {
    const publishedHere = await atHand([published], overrides, facts);
    if (publishedHere !== undefined) return { ...publishedHere, versions: published };
    const builtHere = await atHand([built], overrides, facts);
    if (builtHere !== undefined) return { ...builtHere, versions: built };
    const answer = await answering([published], facts);
    if (typeof answer !== 'string') return { ...answer, versions: published };
    return { ...(await fromSource([built], answer, overrides, facts)), versions: built };
  };
  const chosen = await choice();
  overridesMustFit(overrides, chosen.source);
  return { ...chosen, versionsBecause: whyDefault(chosen.source) };
}

function whyDefault(source: ChosenSource['source']): string {
  return source === 'registry'
    ? 'the newest release that is listed as published'
    : 'what is built from source by default: --istio names another';
}

async function chooseItself(
  all: readonly Versions[],
  overrides: Overrides,
  facts: ChoiceFacts,
): Promise<ChosenSource> {
  const here = await atHand(all, overrides, facts);
  if (here !== undefined) return here;
  const unpublished = all.find((versions) => !isPublished(versions));
  if (unpublished !== undefined) {
    // One that has to be built decides for all: they must have a recipe, too.
    all.forEach((versions) => sourceVersions(versions));
    return { source: 'source', because: `no registry has Istio ${unpublished.istio}` };
  }
  const answer = await answering(all, facts);
  return typeof answer === 'string' ? fromSource(all, answer, overrides, facts) : answer;
}

/** The published images if all of them are here, else a loaded set that has these versions. */
async function atHand(
  all: readonly Versions[],
  overrides: Overrides,
  { isReady: isHere, loaded }: ChoiceFacts,
): Promise<ChosenSource | undefined> {
  if (
    all.every((versions) => isPublished(versions)) &&
    (await allReady({ source: 'registry', overrides }, all, isHere))
  ) {
    return { source: 'registry', because: 'all of them are here already' };
  }
  for (const set of (await loaded?.()) ?? []) {
    const { source, mirror } = set;
    const origin = { source, ...(mirror === undefined ? {} : { mirror }) };
    if (await allReady({ ...origin, overrides }, all, isHere)) return { ...origin, because: howLoaded(set) };
  }
  return undefined;
}

/** The published images where their registries answer; else who does not. */
async function answering(all: readonly Versions[], { probe }: ChoiceFacts): Promise<ChosenSource | string> {
  // The registries are the same on every architecture.
  const references = all.flatMap((versions) => Object.values(registryReferences(versions, 'amd64')));
  const registries = registriesOf(references);
  const silent = (await probe(registries)).filter(({ status }) => status === undefined);
  if (silent.length > 0) {
    return silent.map(({ registry, problem }) => `${registry} does not answer: ${problem}`).join('; ');
  }
  const who = `${registries.join(' and ')} ${registries.length === 1 ? 'answers' : 'answer'}`;
  return { source: 'registry', because: `${who}; the first pull is about 0.5 GB` };
}

async function fromSource(
  all: readonly Versions[],
  why: string,
  overrides: Overrides,
  { isReady: isHere }: ChoiceFacts,
): Promise<ChosenSource> {
  all.forEach((versions) => sourceVersions(versions));
  const cost = (await allReady({ source: 'source', overrides }, all, isHere))
    ? 'they are built already'
    : 'the first build takes about 15 min on two cores, later ones nothing';
  return { source: 'source', because: `${why}; ${cost}` };
}

async function allReady(
  origin: ImageOrigin,
  all: readonly Versions[],
  isHere: ChoiceFacts['isReady'],
): Promise<boolean> {
  for (const versions of all) {
    if (!(await isHere({ ...origin, ...versions }))) return false;
  }
  return true;
}

async function isReady(request: ImageSetRequest): Promise<boolean> {
  try {
    return await imageSetIsReady(request);
  } catch (error) {
    // A mirror without a place for these versions, a version without a recipe.
    if (error instanceof UsageError) return false;
    throw error;
  }
}
