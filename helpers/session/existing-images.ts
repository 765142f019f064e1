import type { Configuration } from '../configuration/configuration.ts';
import { EnvironmentError } from '../errors.ts';
import type { FoundIstio } from '../existing/found-istio.ts';
import { imageMustBeThere } from '../existing/installed.ts';
import { ensureImageSet } from '../images/ensure.ts';
import { referencesOf } from '../images/references.ts';
import { roles, type ImageSet, type ResolvedImage, type Role } from '../images/roles.ts';
import { resolveVersions } from '../images/versions.ts';
import type { Architecture } from '../engine.ts';
import type { Kube } from '../kube/client.ts';
import type { Progress } from '../progress/progress.ts';

/** The engine's part of a run in somebody else's cluster: istioctl, which runs here. */
export async function istioctlMustBeThere(set: ImageSet, progress: Progress): Promise<void> {
  const { source, istio, kubernetes } = set;
  if (source === 'source') await ensureImageSet({ source, istio, kubernetes }, progress);
  else await imageMustBeThere(set.images.istioctl.reference);
}

/**
 * The images' references: the cluster's nodes pull them, so nothing is pulled or built here. Their digests are not known
 * before.
 */
export async function imagesIn(
  kube: Kube,
  configuration: Configuration,
  istio: FoundIstio | undefined,
): Promise<{ set: ImageSet; nodeCount: number }> {
  const { items: nodes } = await kube.core.listNode();
  const architectures = [...new Set(nodes.map(({ status }) => status?.nodeInfo?.architecture ?? 'amd64'))];
  if (architectures.length > 1) {
    throw new EnvironmentError(
      `The cluster has nodes of several architectures: ${architectures.join(', ')}`,
      'Give images that exist for all of them, by --image ROLE=REFERENCE, and a namespace whose pods go to one kind of node.',
    );
  }
  const architecture: Architecture = architectures[0] === 'arm64' ? 'arm64' : 'amd64';
  const versions = resolveVersions(configuration);
  const { images: asked } = configuration;
  const source = asked === 'source' ? 'source' : 'registry';
  const mirror = asked.startsWith('mirror=') ? asked.slice('mirror='.length) : undefined;
  const references = await referencesOf(
    {
      ...versions,
      source,
      overrides: configuration.image,
      ...(mirror === undefined ? {} : { mirror }),
    },
    architecture,
  );
  const image = (role: Role): ResolvedImage => ({
    role,
    reference: references[role],
    source,
    digest: '',
    sizeBytes: 0,
  });
  const set: ImageSet = {
    ...versions,
    source,
    istio: istio?.version ?? versions.istio,
    images: Object.fromEntries(roles.map((role) => [role, image(role)])) as Record<Role, ResolvedImage>,
    archive: { path: '', digest: '', sizeBytes: 0 },
  };
  return { set, nodeCount: nodes.length };
}
