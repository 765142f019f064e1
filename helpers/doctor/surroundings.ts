import { editionOf } from '../../fixtures/document/editions.ts';
import type { Configuration } from '../configuration/configuration.ts';
import { chooseVersions, type ChosenSource } from '../images/choose.ts';
import { listImages, type ImageRow } from '../images/list.ts';
import { imageSetIsReady } from '../images/ensure.ts';
import { registriesOf } from '../images/reference.ts';
import { probeRegistries, type RegistryAnswer } from '../images/registry.ts';
import { isPublished, registryReferences, resolveVersions, type Versions } from '../images/versions.ts';
import { probe, type Answer } from '../probe.ts';
import { containerFacts, type ContainerFacts } from '../cluster/container-facts.ts';
import { engineFacts, type EngineFacts } from './engine-facts.ts';

/** What the run would use that is asked about; see `Configuration`. */
export type Asked = Pick<Configuration, 'istio' | 'k8s' | 'images' | 'target' | 'edition'>;

export interface ChosenSet extends ChosenSource {
  /** Nothing of it is to be pulled or built. */
  readonly ready: boolean;
  readonly images: readonly ImageRow[];
}

/** What checks look at. Whatever takes time is asked once, by the first check that wants it. */
export interface Surroundings {
  readonly environment: NodeJS.ProcessEnv;
  readonly asked: Asked;
  readonly versions: Versions;
  /** A check of what a command asks before a run: nothing is started, and no network is used. */
  readonly quick: boolean;
  /** @throws EnvironmentError when no engine answers */
  readonly engine: () => Promise<EngineFacts>;
  /** The view of a privileged container; undefined where there is no image to start one from. */
  readonly container: () => Promise<ContainerFacts | undefined>;
  /** Those that images may have to be pulled from; none where they are to be built. */
  readonly registries: readonly string[];
  readonly registryAnswers: () => Promise<readonly RegistryAnswer[]>;
  readonly destination: () => Promise<Answer>;
  readonly set: () => Promise<ChosenSet>;
}

/** @throws UsageError for versions that are not listed or do not fit */
export function surroundingsOf(asked: Asked, { quick }: { readonly quick: boolean }): Surroundings {
  const versions = resolveVersions(asked);
  const engine = once(engineFacts);
  const registries = neededRegistries(asked);
  const set = once(() => chosenSet(asked));
  return {
    environment: process.env,
    asked,
    versions,
    quick,
    engine,
    registries,
    registryAnswers: once(() => probeRegistries(registries)),
    set,
    container: once(async () => {
      const [image, facts] = [startable(await set()), await engine()];
      return image === undefined && !facts.onThisKernel ? undefined : containerFacts({ ...facts, image });
    }),
    destination: once(async () => {
      // Wikimedia limits clients that do not say who they are.
      const headers = { 'user-agent': 'istio-external-proxy-conformance (reachability probe)' };
      const [answer] = await probe([{ url: editionOf(asked).request.url, method: 'HEAD', headers }]);
      return answer ?? { status: undefined, problem: 'not asked' };
    }),
  };
}

/** The smallest image of the set that is here and holds a shell. */
function startable({ images }: ChosenSet): string | undefined {
  const withShell = ['curl', 'squid', 'origin', 'k3s'];
  const here = images.filter(({ cached, role }) => cached && withShell.includes(role));
  return here.sort((a, b) => (a.sizeBytes ?? 0) - (b.sizeBytes ?? 0))[0]?.reference;
}

async function chosenSet(asked: Asked): Promise<ChosenSet> {
  const chosen = await chooseVersions(asked);
  const request = { ...chosen, ...chosen.versions };
  const [ready, images] = await Promise.all([imageSetIsReady(request), listImages(request)]);
  return { ...chosen, ready, images };
}

/** The registries that images may have to be pulled from; none where they are to be built. */
function neededRegistries(asked: Asked): string[] {
  const { images } = asked;
  const [, mirror] = /^mirror=([^/]+)/.exec(images) ?? [];
  if (mirror !== undefined) return [mirror];
  const versions = resolveVersions({ ...asked, images: images === 'auto' ? 'registry' : images });
  if (images === 'source' || !isPublished(versions)) return [];
  return registriesOf(Object.values(registryReferences(versions, 'amd64')));
}

function once<T>(ask: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined;
  return () => {
    answer ??= ask();
    return answer;
  };
}
