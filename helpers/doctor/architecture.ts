import type Dockerode from 'dockerode';
import { z } from 'zod';
import type { ImageRow } from '../images/list.ts';
import type { Architecture } from '../engine.ts';
import { failed, together, warning, type Finding } from './check.ts';

/** An image and what it is built for; undefined when unknown. */
export interface ImagePlatforms {
  readonly reference: string;
  readonly architectures: readonly string[] | undefined;
}

const inspected = z.object({ Architecture: z.string() });
const distributed = z.object({ Platforms: z.array(z.object({ architecture: z.string() })).nullish() });

/** Asks the engine: of an image that it has what it is, of one that it would pull which there are in the registry. */
export function platformsOf(dockerode: Dockerode, images: readonly ImageRow[]): Promise<ImagePlatforms[]> {
  return Promise.all(
    images.map(async ({ reference, cached, source }) => {
      const image = dockerode.getImage(reference);
      try {
        if (cached) {
          return { reference, architectures: [inspected.parse(await image.inspect()).Architecture] };
        }
        if (source === 'source') return { reference, architectures: undefined };
        const { Platforms } = distributed.parse(await image.distribution());
        return { reference, architectures: Platforms?.map(({ architecture }) => architecture) };
      } catch {
        // The check `registries` says whether registries answer.
        return { reference, architectures: undefined };
      }
    }),
  );
}

export interface Machines {
  readonly engine: Architecture;
  /** `process.arch` */
  readonly here: string;
  /** The source set is to be built here. */
  readonly toBuild: boolean;
}

export function architectureFinding(
  images: readonly ImagePlatforms[],
  { engine, here, toBuild }: Machines,
): Finding {
  const builds = here === 'x64' ? 'amd64' : here;
  const foreignBuild =
    toBuild && builds !== engine
      ? failed(
          `This machine is ${builds}, the engine ${engine}: images built from source here do not run there`,
          'Take published images (--images registry), or an engine of this architecture.',
        )
      : undefined;
  const foreign = images.map(({ reference, architectures = [] }) =>
    architectures.length === 0 || architectures.includes(engine)
      ? undefined
      : warning(
          `${reference} is for ${architectures.join(' and ')} alone, the engine is ${engine}: it would run emulated, if at all ("exec format error")`,
          `Name one for ${engine} in fixtures/versions.yaml, or use an engine of that architecture; emulated, time limits may be reached.`,
        ),
  );
  const known = images.filter(({ architectures }) => architectures !== undefined).length;
  const parts = [
    ...(known === 0 ? [] : [`${known} of ${images.length} images are for it`]),
    ...(known === images.length ? [] : [`of ${images.length - known} it is not known yet`]),
  ];
  return together([foreignBuild, ...foreign], `${engine}; ${parts.join(', ')}`);
}
