import { hash } from 'node:crypto';
import type { Configuration } from '../configuration/configuration.ts';
import type { ImageSet } from '../images/roles.ts';

/** What makes a kept cluster the one that a run would start, and its mesh the one that the run would have. */
export interface KeptConfiguration {
  /** Of a gate's cluster both, e.g. `1.28.3 → 1.29.1`. */
  readonly istio: string;
  readonly kubernetes: string;
  readonly injection: Configuration['injection'];
  /** Tells the user's own configuration of the mesh from another one; `none` where there is none. */
  readonly given?: string;
  /** By role, in a gate with the version of Istio: reference and digest. */
  readonly images: Readonly<Record<string, string>>;
}

/** The configuration of a cluster with these sets of images, the document's first. */
export function keptConfigurationOf(
  sets: readonly ImageSet[],
  { injection, given = 'none' }: Pick<Configuration, 'injection'> & { readonly given?: string },
): KeptConfiguration {
  const images = sets.flatMap(({ istio, images: byRole }) =>
    Object.values(byRole).map(({ role, reference, digest }) => [
      sets.length === 1 ? role : `${role} for Istio ${istio}`,
      `${reference} (${digest.slice(0, 19)})`,
    ]),
  );
  return {
    istio: sets.map(({ istio }) => istio).join(' → '),
    kubernetes: sets[0]?.kubernetes ?? '',
    injection,
    given,
    images: Object.fromEntries(images) as Record<string, string>,
  };
}

/** Names the images of a configuration: their references and digests, and nothing else. */
export function imagesKeyOf({ images }: Pick<KeptConfiguration, 'images'>): string {
  return hash('sha256', JSON.stringify(images)).slice(0, 16);
}

/** What two configurations do not share, a line each; what is not known yet of one is not compared. */
export function differencesOf(kept: KeptConfiguration, asked: Partial<KeptConfiguration>): string[] {
  const lines: string[] = [];
  const compare = (what: string, is: string | undefined, wanted: string | undefined): void => {
    if (is !== wanted) lines.push(`${what}: kept ${is ?? 'none'}, now ${wanted ?? 'none'}`);
  };
  if (asked.istio !== undefined) compare('Istio', kept.istio, asked.istio);
  if (asked.kubernetes !== undefined) compare('Kubernetes', kept.kubernetes, asked.kubernetes);
  if (asked.injection !== undefined) compare('injection', kept.injection, asked.injection);
  if (asked.given !== undefined) compare('your configuration', kept.given ?? 'none', asked.given);
  // Other versions have other images, which need not be told besides.
  if (asked.images === undefined || lines.length > 0) return lines;
  for (const role of new Set([...Object.keys(kept.images), ...Object.keys(asked.images)])) {
    compare(`image ${role}`, kept.images[role], asked.images[role]);
  }
  return lines;
}
