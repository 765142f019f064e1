import { readFile } from 'node:fs/promises';
import { defaultEdition, editionOf } from '../../fixtures/document/editions.ts';
import type { KubernetesObject } from '@kubernetes/client-node';
import { dnsMustBeReady, removeCluster, startCluster } from '../../helpers/cluster/k3s.ts';
import type { Cluster } from '../../helpers/cluster/cluster.ts';
import { sweep } from '../../helpers/cluster/sweep.ts';
import { chooseVersions } from '../../helpers/images/choose.ts';
import { ensureImageSet } from '../../helpers/images/ensure.ts';
import type { ImageSet } from '../../helpers/images/roles.ts';
import { installIstio } from '../../helpers/istio/install.ts';
import { istioctl } from '../../helpers/istio/istioctl.ts';
import { apply } from '../../helpers/kube/apply.ts';
import { connect, type Kube } from '../../helpers/kube/client.ts';
import { deploymentMustBeReady } from '../../helpers/kube/workloads.ts';
import { silent } from '../../helpers/progress/progress.ts';
import { newRunId } from '../../helpers/session/session.ts';

/** A cluster that people work in, whose Istio and workloads are theirs. */
export interface ForeignCluster extends AsyncDisposable {
  readonly cluster: Cluster;
  readonly images: ImageSet;
  /** Its administrator. */
  readonly kube: Kube;
}

/** The revision of its Istio, and the tag that its namespaces choose it by. */
export const foreignRevision = 'theirs';
export const foreignTag = 'stable';
/** What its control plane asks of a namespace before it looks at it. */
export const foreignDiscovery = { 'example.com/mesh': 'shop' };

const operator = new URL('../../fixtures/istio.yaml', import.meta.url);
const { client } = editionOf({ edition: defaultEdition });

/**
 * Starts a node and makes a cluster of it as a company may have one: Istio by a revision and a tag, discovery selectors,
 * no access log; a shop in the mesh, and a proxy in a namespace that is called as the document's.
 */
export async function foreignCluster(): Promise<ForeignCluster> {
  await sweep();
  const chosen = await chooseVersions({ images: 'auto' });
  const images = await ensureImageSet({ ...chosen, ...chosen.versions }, silent);
  const cluster = await startCluster({
    runId: newRunId(),
    images,
    others: [],
    keep: false,
    reuse: false,
    injection: 'auto',
    report: () => undefined,
    note: () => undefined,
    beforeRemoval: () => Promise.resolve(),
  });
  const dispose = (): Promise<void> => removeCluster(cluster);
  try {
    const kube = connect(cluster.kubeconfig);
    await dnsMustBeReady(kube);
    await installIstio(cluster, images, theirMesh(await readFile(operator, 'utf8')), {
      revision: foreignRevision,
    });
    const tag = ['tag', 'set', foreignTag, '--revision', foreignRevision, '--skip-confirmation'];
    await istioctl(cluster, images.images.istioctl.reference, tag);
    await apply(kube, workloads(images));
    await Promise.all(
      [
        ['shop', 'web'],
        ['external', 'squid'],
        ['default', client],
      ].map(([namespace = '', name = '']) => deploymentMustBeReady(kube, namespace, name)),
    );
    return { cluster, images, kube, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** The suite's own way to install it, without what a run could not count on. */
function theirMesh(manifest: string): string {
  const selectors = `    discoverySelectors:\n      - matchLabels: ${JSON.stringify(foreignDiscovery)}\n`;
  const theirs = manifest
    .replace(/^ {4}accessLog(File|Encoding): .*\n/gm, '')
    .replace(/^ {2}meshConfig:\n/m, (line) => line + selectors);
  if (/accessLog\w+:/.test(theirs) || !theirs.includes(selectors)) {
    throw new Error('fixtures/istio.yaml has another text now');
  }
  return theirs;
}

function workloads({ images }: ImageSet): KubernetesObject[] {
  const curl = images.curl.reference;
  const squid = images.squid.reference;
  const shop = { ...foreignDiscovery, 'istio.io/rev': foreignTag };
  return [
    namespace('shop', shop),
    deployment('shop', 'web', curl),
    // Workloads with the document's names and labels that are not the suite's.
    namespace('external', {}),
    deployment('external', 'squid', squid, []),
    deployment('default', client, curl),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', namespace: 'shop' },
      spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80 }] },
    } as KubernetesObject,
    {
      apiVersion: 'networking.istio.io/v1',
      kind: 'ServiceEntry',
      metadata: { name: 'payments', namespace: 'shop' },
      spec: {
        hosts: ['payments.example.com'],
        ports: [{ number: 443, name: 'tls', protocol: 'TLS' }],
        resolution: 'DNS',
        exportTo: ['.'],
      },
    } as KubernetesObject,
  ];
}

function namespace(name: string, labels: Readonly<Record<string, string>>): KubernetesObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
}

/** Pods of one container, which sleep where no command is given. */
export function deployment(
  where: string,
  name: string,
  image: string,
  command: readonly string[] = ['/bin/sleep', 'infinity'],
): KubernetesObject {
  const labels = { app: name };
  const container = { name, image, imagePullPolicy: 'IfNotPresent' };
  const spec = {
    selector: { matchLabels: labels },
    template: {
      metadata: { labels },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [command.length === 0 ? container : { ...container, command }],
      },
    },
  };
  return {
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace: where } },
    ...{ spec },
  };
}
