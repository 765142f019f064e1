import { mirrored, parseMirror } from './mirror.ts';
import type { Overrides } from './overrides.ts';
import { roles, type ImageSource, type Role } from './roles.ts';
import { planSourceSet } from './source/build.ts';
import { registryReferences, sourceVersions, systemReferences, type Versions } from './versions.ts';
import type { Architecture } from '../engine.ts';

/** Where a set comes from. */
export interface ImageOrigin {
  readonly source: ImageSource;
  /** Only with `registry`: the copies of the published images that are taken instead, as after `--images mirror=`. */
  readonly mirror?: string;
  /** Images taken instead of the set's own. */
  readonly overrides?: Overrides;
}

export interface ImageSetRequest extends Versions, ImageOrigin {}

/** An image that k3s runs by itself. */
export interface SystemImage {
  /** What the engine has it by. */
  readonly reference: string;
  /** What k3s asks for. */
  readonly name: string;
}

/** For people: `registry`, `source`, `mirror=HOST/PREFIX`. */
export function originName({ source, mirror }: ImageOrigin): string {
  return mirror === undefined ? source : `mirror=${mirror}`;
}

/** Which image plays which role; for the source set read from the recipes, without building. */
export async function referencesOf(
  request: ImageSetRequest,
  architecture: Architecture,
): Promise<Readonly<Record<Role, string>>> {
  const own =
    request.source === 'registry'
      ? registryReferencesOf(request, architecture)
      : (await planSourceSet(sourceVersions(request), architecture, { without: overridden(request) }))
          .references;
  return { ...own, ...request.overrides };
}

/** Likewise for published images alone: as they are named where they are pulled from. @throws UsageError when a mirror has no place for one */
export function registryReferencesOf(
  request: ImageSetRequest,
  architecture: Architecture,
): Record<Role, string> {
  const published = registryReferences(request, architecture);
  if (request.mirror === undefined) return { ...published, ...request.overrides };
  return { ...mirrored(published, parseMirror(request.mirror)), ...request.overrides };
}

/** k3s's own images; none for the source set, whose node brings them. */
export function systemImagesOf(request: ImageSetRequest): readonly SystemImage[] {
  if (request.source === 'source') return [];
  const mirror = request.mirror === undefined ? undefined : parseMirror(request.mirror);
  return systemReferences(request).map((name) => ({ name, reference: mirror?.nameOf(name) ?? name }));
}

/** Roles that the set itself need not play. */
export function overridden({ overrides = {} }: ImageOrigin): readonly Role[] {
  return roles.filter((role) => overrides[role] !== undefined);
}
