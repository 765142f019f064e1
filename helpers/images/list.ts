import { engineArchitecture, inspectImage } from '../engine.ts';
import { referencesOf, systemImagesOf, type ImageSetRequest } from './references.ts';
import { roles, type ImageSource, type Role } from './roles.ts';
import { registryReferences } from './versions.ts';

export interface ImageRow {
  /** `system`: what k3s runs by itself. */
  readonly role: Role | 'system';
  readonly reference: string;
  /** What a mirror's image is a copy of; undefined where there is no mirror, and for an image that was given by itself. */
  readonly published: string | undefined;
  readonly digest: string | undefined;
  readonly source: ImageSource;
  readonly sizeBytes: number | undefined;
  /** The engine has it: a run would neither pull nor build it. */
  readonly cached: boolean;
}

/** What each role resolves to, and whether it is here. Neither pulls nor builds. */
export async function listImages(request: ImageSetRequest): Promise<ImageRow[]> {
  const architecture = await engineArchitecture();
  const references = await referencesOf(request, architecture);
  const published = request.mirror === undefined ? undefined : registryReferences(request, architecture);
  const listed: Pick<ImageRow, 'role' | 'reference' | 'published' | 'source'>[] = [
    ...roles.map((role) => {
      const own = request.overrides?.[role] === undefined;
      return {
        role,
        reference: references[role],
        published: own ? published?.[role] : undefined,
        source: own ? request.source : ('registry' as const),
      };
    }),
    ...systemImagesOf(request).map(({ reference, name }) => ({
      role: 'system' as const,
      reference,
      published: request.mirror === undefined ? undefined : name,
      source: request.source,
    })),
  ];
  return Promise.all(
    listed.map(async (image) => {
      const local = await inspectImage(image.reference);
      return { ...image, digest: local?.digest, sizeBytes: local?.sizeBytes, cached: local !== undefined };
    }),
  );
}
