import { engineArchitecture, inspectImage } from './engine.ts';
import { referencesOf, type ImageSetRequest } from './ensure.ts';
import { roles, type ImageSource, type Role } from './roles.ts';

export interface ImageRow {
  readonly role: Role;
  readonly reference: string;
  readonly digest: string | undefined;
  readonly source: ImageSource;
  readonly sizeBytes: number | undefined;
  /** The engine has it: a run would neither pull nor build it. */
  readonly cached: boolean;
}

/** What each role resolves to, and whether it is here. Neither pulls nor builds. */
export async function listImages(request: ImageSetRequest): Promise<ImageRow[]> {
  const references = await referencesOf(request, await engineArchitecture());
  return Promise.all(
    roles.map(async (role) => {
      const reference = references[role];
      const local = await inspectImage(reference);
      return {
        role,
        reference,
        source: request.source,
        digest: local?.digest,
        sizeBytes: local?.sizeBytes,
        cached: local !== undefined,
      };
    }),
  );
}
