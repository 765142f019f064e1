/** The control plane's default namespace. */
export const istioSystem = 'istio-system';

/** A control plane's revision; undefined is the default one, whose objects have plain names. */
export type Revision = string | undefined;

/** The usual name of a version's revision: `1-29-1` of `1.29.1`. Labels and names of objects take no dots. */
export function revisionOf(version: string): string {
  return version.toLowerCase().replace(/[^a-z0-9]+/g, '-');
}

/** Name of the revision's Deployment and Service. */
export function istiodOf(revision: Revision): string {
  return suffixed('istiod', revision);
}

/** Label selector of its pods. */
export function istiodPodsOf(revision: Revision): string {
  return `app=istiod,istio.io/rev=${revision ?? 'default'}`;
}

/** Name of the ConfigMap that holds the revision's meshConfig. */
export function meshConfigMapOf(revision: Revision): string {
  return suffixed('istio', revision);
}

/** Name of the revision's MutatingWebhookConfiguration. */
export function injectorOf(revision: Revision): string {
  return suffixed('istio-sidecar-injector', revision);
}

/** Labels of a namespace whose pods the revision injects into; null takes a label away. */
export function injectionLabels(revision: Revision): Record<string, string | null> {
  return revision === undefined
    ? { 'istio-injection': 'enabled', 'istio.io/rev': null }
    : { 'istio-injection': null, 'istio.io/rev': revision };
}

function suffixed(name: string, revision: Revision): string {
  return revision === undefined ? name : `${name}-${revision}`;
}
