import { UsageError } from '../errors.ts';
import { imageSetIsReady } from './ensure.ts';
import { howLoaded, loadedSets, type LoadedSet } from './loaded.ts';
import { mirrorOf, type ImageChoice } from './mirror.ts';
import { overridesMustFit, type Overrides } from './overrides.ts';
import { probeRegistries, type RegistryAnswer } from './registry.ts';
import { registriesOf } from './reference.ts';
import { registryReferencesOf, type ImageOrigin } from './references.ts';
import type { ImageSource } from './roles.ts';
import { isPublished, registryReferences, sourceVersions, type Versions } from './versions.ts';

export interface ChosenSource extends Pick<ImageOrigin, 'source' | 'mirror'> {
  /** A sentence for the user: why, and what it costs. */
  readonly because: string;
}

/** What the choice is made by; tests give their own. */
export interface ChoiceFacts {
  readonly probe: (registries: readonly string[]) => Promise<readonly RegistryAnswer[]>;
  /** Whether a run would neither pull nor build anything. */
  readonly isReady: (source: ImageSource, mirror?: string) => Promise<boolean>;
  /** What came by `images load`, the newest first; nothing where this is not given. */
  readonly loaded?: () => Promise<readonly LoadedSet[]>;
}

/**
 * Where the images come from. `auto` takes the published ones if all of them are here, else what was loaded from a file,
 * else the published ones if their registries answer; else it builds from source.
 * @throws UsageError when what was asked for, or is left, cannot have these versions
 */
export async function chooseSource(
  asked: ImageChoice,
  versions: Versions,
  facts: ChoiceFacts = factsOf(versions, {}),
): Promise<ChosenSource> {
  return asked === 'auto' ? chooseItself([{ versions, facts }]) : askedFor(asked, [versions], {});
}

/**
 * One source for several versions, so that like is compared with like: the published images if they can be had of all.
 * @throws UsageError as `chooseSource`
 */
export async function chooseSourceForAll(
  asked: ImageChoice,
  versions: readonly Versions[],
  overrides: Overrides = {},
): Promise<ChosenSource> {
  const chosen =
    asked === 'auto'
      ? await chooseItself(versions.map((each) => ({ versions: each, facts: factsOf(each, overrides) })))
      : askedFor(asked, versions, overrides);
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

interface Candidate {
  readonly versions: Versions;
  readonly facts: ChoiceFacts;
}

async function chooseItself(all: readonly Candidate[]): Promise<ChosenSource> {
  const [first] = all;
  if (first === undefined) throw new TypeError('no version to choose a source for');
  const unpublished = all.find(({ versions }) => !isPublished(versions));
  if (unpublished === undefined && (await allReady(all, { source: 'registry' }))) {
    return { source: 'registry', because: 'all of them are here already' };
  }
  const loaded = await chooseLoaded(all);
  if (loaded !== undefined) return loaded;
  if (unpublished !== undefined) {
    // One that has to be built decides for all: they must have a recipe, too.
    all.forEach(({ versions }) => sourceVersions(versions));
    return { source: 'source', because: `no registry has Istio ${unpublished.versions.istio}` };
  }
  // The registries are the same on every architecture.
  const references = all.flatMap(({ versions }) => Object.values(registryReferences(versions, 'amd64')));
  const registries = registriesOf(references);
  const silent = (await first.facts.probe(registries)).filter(({ status }) => status === undefined);
  if (silent.length === 0) {
    const answering = `${registries.join(' and ')} ${registries.length === 1 ? 'answers' : 'answer'}`;
    return { source: 'registry', because: `${answering}; the first pull is about 0.5 GB` };
  }
  all.forEach(({ versions }) => sourceVersions(versions));
  const who = silent.map(({ registry, problem }) => `${registry} does not answer: ${problem}`).join('; ');
  const cost = (await allReady(all, { source: 'source' }))
    ? 'they are built already'
    : 'the first build takes about 15 min on two cores, later ones nothing';
  return { source: 'source', because: `${who}; ${cost}` };
}

/** A loaded set that has everything for all versions; of several the newest. */
async function chooseLoaded(all: readonly Candidate[]): Promise<ChosenSource | undefined> {
  const [first] = all;
  for (const set of (await first?.facts.loaded?.()) ?? []) {
    const { source, mirror } = set;
    const origin = { source, ...(mirror === undefined ? {} : { mirror }) };
    if (await allReady(all, origin)) return { ...origin, because: howLoaded(set) };
  }
  return undefined;
}

async function allReady(
  all: readonly Candidate[],
  { source, mirror }: Pick<ImageOrigin, 'source' | 'mirror'>,
): Promise<boolean> {
  for (const { facts } of all) {
    if (!(await facts.isReady(source, mirror))) return false;
  }
  return true;
}

function factsOf(versions: Versions, overrides: Overrides): ChoiceFacts {
  return {
    probe: probeRegistries,
    loaded: loadedSets,
    isReady: async (source, mirror) => {
      const origin = { source, overrides, ...(mirror === undefined ? {} : { mirror }) };
      try {
        return await imageSetIsReady({ ...origin, ...versions });
      } catch (error) {
        // A mirror without a place for these versions, a version without a recipe.
        if (error instanceof UsageError) return false;
        throw error;
      }
    },
  };
}
