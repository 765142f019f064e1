import { probeRegistries, type Reachability } from './probe.ts';
import { registriesOf } from './reference.ts';
import type { ImageSource } from './roles.ts';
import { registryReferences, sourceVersions, type Versions } from './versions.ts';

export interface ChosenSource {
  readonly source: ImageSource;
  /** A sentence for the user: why, and what it costs. */
  readonly because: string;
}

/**
 * Where the images come from. `auto` takes the registries if all of them answer, else builds from source.
 * @throws UsageError when only source is left and there is no recipe for these versions
 */
export async function chooseSource(
  asked: 'auto' | ImageSource,
  versions: Versions,
  probe: (registries: readonly string[]) => Promise<readonly Reachability[]> = probeRegistries,
): Promise<ChosenSource> {
  if (asked === 'source') sourceVersions(versions);
  if (asked !== 'auto') return { source: asked, because: 'asked for' };
  // The registries are the same on every architecture.
  const registries = registriesOf(Object.values(registryReferences(versions, 'amd64')));
  const silent = (await probe(registries)).filter(({ reachable }) => !reachable);
  if (silent.length === 0) {
    return {
      source: 'registry',
      because: `${registries.join(' and ')} answers; the first pull is about 0.5 GB`,
    };
  }
  sourceVersions(versions);
  const who = silent.map(({ registry, problem }) => `${registry} does not answer: ${problem}`).join('; ');
  return {
    source: 'source',
    because: `${who}; the first build from source takes about 15 min on two cores, later ones nothing`,
  };
}
