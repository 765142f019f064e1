import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { EnvironmentError } from '../../helpers/errors.ts';
import type { ImageSet } from '../../helpers/images/roles.ts';
import { versionsFile } from '../../helpers/images/versions.ts';
import { flushing } from '../../helpers/istio/install.ts';

/** A Helm of this machine, as `scripts/with-go-tools helm` brings it. */
export interface Helm {
  readonly path: string;
  readonly run: (kubeconfig: string, ...args: readonly string[]) => Promise<string>;
}

/** @throws EnvironmentError when there is none: a test about Helm proves nothing without it */
export function helmHere(major: 3 | 4): Helm {
  const path = process.env[`CONFORMANCE_HELM_${major}`];
  if (path === undefined) {
    throw new EnvironmentError(`There is no Helm ${major}`, 'scripts/with-go-tools helm COMMAND builds it.');
  }
  // As the examples do.
  const applied = major === 4 ? ['--server-side=false'] : [];
  return {
    path,
    run: async (kubeconfig, ...args) => {
      const { stdout } = await execa(path, [...args, ...applied], { env: { KUBECONFIG: kubeconfig } });
      return stdout;
    },
  };
}

/** The charts of a version that images were built of, as its module has them. */
export async function chartsOf(istio: string): Promise<{ readonly base: string; readonly istiod: string }> {
  const { stdout } = await execa('go', ['env', 'GOMODCACHE']);
  const module = versionsFile().istio[istio]?.source?.module ?? '';
  const charts = join(stdout.trim(), `istio.io/istio@${module}`, 'manifests/charts');
  if (!existsSync(charts)) {
    throw new EnvironmentError(
      `${charts} does not exist`,
      'Build the source image set: ./conformance images build',
    );
  }
  return { base: join(charts, 'base'), istiod: join(charts, 'istio-control/istio-discovery') };
}

/** Values of istiod's chart for the images of a set that was built from source, whose Envoy lacks Istio's own filters. */
export function valuesFor({ istio, images }: ImageSet) {
  const { pilot, proxyv2 } = images;
  const requests = { cpu: '10m', memory: '64Mi' };
  return {
    image: pilot.reference,
    autoscaleEnabled: false,
    resources: { requests: { cpu: '50m', memory: '128Mi' } },
    env: { PILOT_ENABLE_METADATA_EXCHANGE: 'false', PILOT_ENABLE_ALPN_FILTER: 'false' },
    telemetry: { enabled: false },
    meshConfig: {
      accessLogFile: '/dev/stdout',
      ...(flushing(istio).length === 0 ? {} : { defaultConfig: { fileFlushInterval: '0.1s' } }),
    },
    global: {
      proxy: { image: proxyv2.reference, readinessPeriodSeconds: 1, resources: { requests } },
      proxy_init: { image: proxyv2.reference },
    },
  };
}
