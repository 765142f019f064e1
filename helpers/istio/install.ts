import type { Cluster } from '../cluster/k3s.ts';
import type { ImageSet } from '../images/roles.ts';
import { sourceIstioSettings } from '../images/source/istio-settings.ts';
import { exec } from '../kube/exec.ts';
import type { Kube } from '../kube/client.ts';
import { render } from '../kube/manifests.ts';
import { deploymentMustBeReady } from '../kube/workloads.ts';
import { timeouts } from '../timeouts.ts';
import { istioctl } from './istioctl.ts';

/**
 * Installs Istio as an IstioOperator (fixtures/istio.yaml) says, with the image set's images. Installing again changes
 * nothing.
 * @throws IstioctlError with istioctl's own words
 */
export async function installIstio(cluster: Cluster, images: ImageSet, manifest: string): Promise<void> {
  const operator = render(
    manifest,
    {
      PILOT_IMAGE: images.images.pilot.reference,
      PROXY_IMAGE: images.images.proxyv2.reference,
    },
    'fixtures/istio.yaml',
  );
  // Stock Envoy lacks Istio's own filters; with Istio's images none of these may be set.
  const settings = images.source === 'source' ? sourceIstioSettings : [];
  await istioctl(
    cluster,
    images.images.istioctl.reference,
    [
      'install',
      '--skip-confirmation',
      '--filename',
      '/conformance/istio.yaml',
      ...settings.flatMap((setting) => ['--set', setting]),
    ],
    { files: { '/conformance/istio.yaml': operator }, timeoutMs: timeouts.istioInstall },
  );
}

/** Version that the running control plane itself tells, e.g. `1.29.1`. */
export async function controlPlaneVersion(kube: Kube): Promise<string> {
  const [pod] = await deploymentMustBeReady(kube, 'istio-system', 'istiod');
  const { stdout, stderr } = await exec(
    kube,
    { namespace: 'istio-system', pod: pod?.metadata?.name ?? '', container: 'discovery' },
    ['/usr/local/bin/pilot-discovery', 'version', '--output', 'json'],
  );
  const version = /"version":\s*"([^"]*)"/.exec(stdout)?.[1];
  if (version === undefined) throw new Error(`istiod tells no version: ${(stdout || stderr).trim()}`);
  return version;
}
