import { imageSetIsReady } from './ensure.ts';
import { probeRegistries, type Reachability } from './probe.ts';
import { registriesOf } from './reference.ts';
import type { ImageSource } from './roles.ts';
import { isPublished, registryReferences, sourceVersions, type Versions } from './versions.ts';

export interface ChosenSource {
  readonly source: ImageSource;
  /** A sentence for the user: why, and what it costs. */
  readonly because: string;
}

/** What the choice is made by; tests give their own. */
export interface ChoiceFacts {
  readonly probe: (registries: readonly string[]) => Promise<readonly Reachability[]>;
  /** Whether a run would neither pull nor build anything. */
  readonly isReady: (source: ImageSource) => Promise<boolean>;
}

/**
 * Where the images come from. `auto` takes the published ones if all of them are here or their registries answer,
 * else it builds from source.
 * @throws UsageError when only source is left and there is no recipe for these versions
 */
export async function chooseSource(
  asked: 'auto' | ImageSource,
  versions: Versions,
  facts: ChoiceFacts = {
    probe: probeRegistries,
    isReady: (source) => imageSetIsReady({ source, ...versions }),
  },
): Promise<ChosenSource> {
  if (asked === 'source') sourceVersions(versions);
  if (asked === 'registry') registryReferences(versions, 'amd64');
  if (asked !== 'auto') return { source: asked, because: 'asked for' };
  if (!isPublished(versions)) return { source: 'source', because: `no registry has Istio ${versions.istio}` };
  if (await facts.isReady('registry')) {
    return { source: 'registry', because: 'all of them are here already' };
  }
  // The registries are the same on every architecture.
  const registries = registriesOf(Object.values(registryReferences(versions, 'amd64')));
  const silent = (await facts.probe(registries)).filter(({ reachable }) => !reachable);
  if (silent.length === 0) {
    return {
      source: 'registry',
      because: `${registries.join(' and ')} answers; the first pull is about 0.5 GB`,
    };
  }
  sourceVersions(versions);
  const who = silent.map(({ registry, problem }) => `${registry} does not answer: ${problem}`).join('; ');
  const cost = (await facts.isReady('source'))
    ? 'they are built already'
    : 'the first build takes about 15 min on two cores, later ones nothing';
  return { source: 'source', because: `${who}; ${cost}` };
}

/**
 * One source for several versions, so that like is compared with like: the published images if they can be had of all.
 * @throws UsageError as `chooseSource`
 */
export async function chooseSourceForAll(
  asked: 'auto' | ImageSource,
  versions: readonly Versions[],
): Promise<ChosenSource> {
  const chosen: ChosenSource[] = [];
  for (const each of versions) chosen.push(await chooseSource(asked, each));
  const fromSource = chosen.find(({ source }) => source === 'source');
  // One that has to be built decides for all: they must have a recipe, too.
  if (fromSource !== undefined) for (const each of versions) sourceVersions(each);
  const [decisive] = fromSource === undefined ? chosen : [fromSource];
  if (decisive === undefined) throw new TypeError('no version to choose a source for');
  return decisive;
}
