import type { Cluster } from '../cluster/cluster.ts';
import type { ImageSet } from '../images/roles.ts';
import { installIstio } from './install.ts';
import { IstioctlError } from './istioctl.ts';

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
): Promise<BegunInstall> {
  const at = Date.now();
  try {
    await installIstio(cluster, images, manifest);
    return { at };
  } catch (error) {
    if (!(error instanceof IstioctlError)) throw error;
    return { at, failure: { message: error.message, output: error.output } };
  }
}
