import semver from 'semver';
import type { Cluster } from '../cluster/cluster.ts';
import type { ImageSet, ResolvedImage } from '../images/roles.ts';
import { render } from '../kube/manifests.ts';
import { timeouts } from '../timeouts.ts';
import { istioctl, IstioctlError } from './istioctl.ts';
import type { Revision } from './revision.ts';

/** A configuration of Istio that goes over the suite's own, and what of the suite's own goes over it; IstioOperators. */
export interface Overlay {
  readonly operator: string;
  /** With its `${NAMES}`. */
  readonly onTop: string;
}

export interface InstallOptions {
  /** Installs beside what is there, under this name. */
  readonly revision?: Revision;
  /** Says `istioctl upgrade`, as the documentation has it for a control plane that is replaced in place. */
  readonly upgrade?: boolean;
  readonly overlay?: Overlay | undefined;
}

/**
 * Installs Istio as an IstioOperator (fixtures/istio.yaml) says, with the image set's images. Installing again changes
 * nothing.
 * @throws IstioctlError with istioctl's own words
 */
export async function installIstio(
  cluster: Cluster,
  images: ImageSet,
  manifest: string,
  { revision, upgrade = false, overlay }: InstallOptions = {},
): Promise<void> {
  const { args, files } = installArguments(images, manifest, overlay);
  await istioctl(
    cluster,
    images.images.istioctl.reference,
    [
      upgrade ? 'upgrade' : 'install',
      '--skip-confirmation',
      '--readiness-timeout',
      `${timeouts.istioReady / 1000}s`,
      ...(revision === undefined ? [] : ['--revision', revision]),
      ...args,
    ],
    { files, timeoutMs: timeouts.istioInstall },
  );
}

/** The files and flags that say how Istio is to be, for `istioctl install`, `upgrade` and `manifest generate`. */
export function installArguments(
  images: ImageSet,
  manifest: string,
  overlay?: Overlay,
): { readonly args: readonly string[]; readonly files: Readonly<Record<string, string>> } {
  const rendered = (text: string): string =>
    render(
      text,
      {
        PILOT_IMAGE: images.images.pilot.reference,
        PROXY_IMAGE: images.images.proxyv2.reference,
      },
      'fixtures/istio.yaml',
    );
  const files = {
    '/conformance/istio.yaml': rendered(manifest),
    ...(overlay === undefined
      ? {}
      : {
          '/conformance/given.yaml': overlay.operator,
          '/conformance/on-top.yaml': rendered(overlay.onTop),
        }),
  };
  const args = [
    ...Object.keys(files).flatMap((file) => ['--filename', file]),
    ...settingsFor(images).flatMap((setting) => ['--set', setting]),
  ];
  return { args, files };
}

/** What a set's Istio is given besides its configuration, as `--set` has it. */
export function settingsFor({ source, istio }: Pick<ImageSet, 'source' | 'istio'>): readonly string[] {
  // Stock Envoy lacks Istio's own filters; with Istio's images none of these may be set.
  return [...(source === 'source' ? sourceIstioSettings : []), ...flushing(istio)];
}

/** A sidecar's line is written a tenth of a second after the connection, not a second; earlier Istio cannot say so. */
export function flushing(istio: string): readonly string[] {
  return semver.gte(istio, '1.29.0') ? ['meshConfig.defaultConfig.fileFlushInterval=0.1s'] : [];
}

/**
 * Removes one revision's control plane, or with `everything` all that Istio's installations brought but the
 * CustomResourceDefinitions.
 * @throws IstioctlError with istioctl's own words
 */
export async function uninstallIstio(
  cluster: Cluster,
  images: { readonly images: { readonly istioctl: Pick<ResolvedImage, 'reference'> } },
  what: { readonly revision: Revision } | 'everything',
): Promise<void> {
  const which = what === 'everything' ? ['--purge'] : ['--revision', what.revision ?? 'default'];
  await istioctl(cluster, images.images.istioctl.reference, ['uninstall', '--skip-confirmation', ...which], {
    timeoutMs: timeouts.istioInstall,
  });
}

/**
 * `istioctl x precheck`: whether the image set's Istio can be installed or upgraded to.
 * @param from Version that is there, e.g. `1.28.3`, for checks of what changed since
 * @throws IstioctlError with what it found
 */
export async function precheck(cluster: Cluster, images: ImageSet, from?: string): Promise<string> {
  const since = from === undefined ? [] : ['--from-version', from.split('.').slice(0, 2).join('.')];
  return istioctl(cluster, images.images.istioctl.reference, ['experimental', 'precheck', ...since]);
}

/**
 * Makes a revision the default one: what `istio-injection=enabled` means, and who validates.
 * @throws IstioctlError with istioctl's own words
 */
export async function makeDefault(cluster: Cluster, images: ImageSet, revision: string): Promise<void> {
  await istioctl(cluster, images.images.istioctl.reference, [
    ...['tag', 'set', 'default', '--overwrite', '--skip-confirmation'],
    ...['--revision', revision],
  ]);
}

/**
 * What Istio has to leave out on stock Envoy, which lacks Istio's own filters: telemetry (istio.stats), metadata
 * exchange and Istio's ALPN filter. As `--set` values of `istioctl install`. Only for the image set built from
 * source; with Istio's own proxyv2 none of them may be set.
 */
export const sourceIstioSettings: readonly string[] = [
  // With telemetry off the chart names no provider of metrics. (--set cannot say an empty list, [] is a string to it.)
  'values.telemetry.enabled=false',
  'values.pilot.env.PILOT_ENABLE_METADATA_EXCHANGE=false',
  'values.pilot.env.PILOT_ENABLE_ALPN_FILTER=false',
];

/** An installation of Istio that began before the step that is about it; plain data. */
export interface BegunInstall {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Why it failed, in istioctl's own words; for its step to tell. */
  readonly failure?: { readonly message: string; readonly output: string };
}

/** Installs Istio; a failure of istioctl's is for the step to judge, and so is no rejection. */
export async function beginInstall(
  cluster: Cluster,
  images: ImageSet,
  manifest: string,
  overlay?: Overlay,
): Promise<BegunInstall> {
  const at = Date.now();
  try {
    await installIstio(cluster, images, manifest, { overlay });
    return { at };
  } catch (error) {
    if (!(error instanceof IstioctlError)) throw error;
    return { at, failure: { message: error.message, output: error.output } };
  }
}
