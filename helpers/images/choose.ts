import { UsageError } from '../errors.ts';
import { imageSetIsReady } from './ensure.ts';
import { howLoaded, loadedSets, type LoadedSet } from './loaded.ts';
import { mirrorOf, type ImageChoice } from './mirror.ts';
import { overridesMustFit, type Overrides } from './overrides.ts';
import { probeRegistries, type RegistryAnswer } from './registry.ts';
import { registriesOf } from './reference.ts';
import { registryReferencesOf, type ImageOrigin, type ImageSetRequest } from './references.ts';
import { isPublished, registryReferences, sourceVersions, type Versions } from './versions.ts';

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

async function chooseItself(
  all: readonly Versions[],
  overrides: Overrides,
  { probe, isReady: isHere, loaded }: ChoiceFacts,
): Promise<ChosenSource> {
  const allReady = async (origin: ImageOrigin): Promise<boolean> => {
    for (const versions of all) {
      if (!(await isHere({ ...origin, ...versions, overrides }))) return false;
    }
    return true;
  };
  const unpublished = all.find((versions) => !isPublished(versions));
  if (unpublished === undefined && (await allReady({ source: 'registry' }))) {
    return { source: 'registry', because: 'all of them are here already' };
  }
  for (const set of (await loaded?.()) ?? []) {
    const { source, mirror } = set;
    const origin = { source, ...(mirror === undefined ? {} : { mirror }) };
    if (await allReady(origin)) return { ...origin, because: howLoaded(set) };
  }
  if (unpublished !== undefined) {
    // One that has to be built decides for all: they must have a recipe, too.
    all.forEach((versions) => sourceVersions(versions));
    return { source: 'source', because: `no registry has Istio ${unpublished.istio}` };
  }
  // The registries are the same on every architecture.
  const references = all.flatMap((versions) => Object.values(registryReferences(versions, 'amd64')));
  const registries = registriesOf(references);
  const silent = (await probe(registries)).filter(({ status }) => status === undefined);
  if (silent.length === 0) {
    const answering = `${registries.join(' and ')} ${registries.length === 1 ? 'answers' : 'answer'}`;
    return { source: 'registry', because: `${answering}; the first pull is about 0.5 GB` };
  }
  all.forEach((versions) => sourceVersions(versions));
  const who = silent.map(({ registry, problem }) => `${registry} does not answer: ${problem}`).join('; ');
  const cost = (await allReady({ source: 'source' }))
    ? 'they are built already'
    : 'the first build takes about 15 min on two cores, later ones nothing';
  return { source: 'source', because: `${who}; ${cost}` };
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
