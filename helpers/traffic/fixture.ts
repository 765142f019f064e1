import type { KubernetesObject } from '@kubernetes/client-node';
import { maxTrafficRate } from '../configuration/configuration.ts';
import type { Destination } from '../destination/destination.ts';
import { UsageError } from '../errors.ts';
import { fixtureObjects, fixtureText, kubeObject } from '../kube/manifests.ts';
import { curlConfiguration, type Credentials } from '../proxy/credentials.ts';
import { userAgent } from '../trip/origin.ts';
import type { Workload } from './account.ts';

const scripts = ['requests.sh', 'tunnels.sh'] as const;

/** Namespace of the live traffic's clients in a cluster of the suite's own. */
export const trafficNamespace = 'conformance-traffic';
export const workloads: readonly Workload[] = ['kept', 'restarted'];

export interface TrafficFixture {
  readonly curlImage: string;
  readonly destination: Destination;
  /** As the clients are told, `10.42.0.6:3128`, and what they say to it where it asks who they are. */
  readonly told: string;
  readonly credentials?: Credentials | undefined;
  readonly namespace: string;
  /**
   * Labels of the namespace, e.g. `istio-injection: enabled`; null stands for none. Undefined: the namespace is there, and
   * stays.
   */
  readonly labels: Readonly<Record<string, string | null>> | undefined;
  /** Requests a second of each client, {@link maxTrafficRate} at most. */
  readonly rate?: number | undefined;
}

/**
 * The objects of the live traffic, in the order to apply them.
 * @throws UsageError when a fixture cannot be read, or thousands of requests to the destination were not agreed to
 */
export async function trafficObjects(fixture: TrafficFixture): Promise<KubernetesObject[]> {
  const { curlImage, destination, told, credentials, namespace, labels, rate = maxTrafficRate } = fixture;
  if (destination.kind === 'live') {
    throw new UsageError(
      `Live traffic is thousands of requests, which ${new URL(destination.url).host} must not get`,
      'Run with --target hermetic, or name a page of yours by --destination.',
    );
  }
  const data = Object.fromEntries(
    await Promise.all(
      scripts.map(async (name) => [name, await fixtureText(`fixtures/traffic/${name}`)] as const),
    ),
  );
  const ofWorkload = (workload: Workload): Promise<KubernetesObject[]> =>
    fixtureObjects('fixtures/traffic/traffic.yaml', {
      WORKLOAD: workload,
      CURL_IMAGE: curlImage,
      PROXY: told,
      URL: destination.url,
      AGENT: userAgent(`traffic-${workload}`),
      RATE: String(rate),
      NAMESPACE: namespace,
    });
  const perWorkload = await Promise.all(workloads.map(ofWorkload));
  const metadata = { name: 'traffic', namespace };
  const configMap = kubeObject('ConfigMap', metadata, {
    data: { ...data, ...(destination.ca === undefined ? {} : { 'ca.crt': destination.ca }) },
  });
  const configuration = [
    ...(destination.ca === undefined ? [] : ['cacert = "/traffic/ca.crt"']),
    ...(credentials === undefined ? [] : [curlConfiguration(credentials)]),
  ];
  const stringData = { 'curl.conf': configuration.map((line) => `${line}\n`).join('') };
  const secret = kubeObject('Secret', metadata, { stringData });
  const [first] = perWorkload;
  const namespaces =
    labels === undefined
      ? []
      : (first ?? []).filter(({ kind }) => kind === 'Namespace').map((one) => labelled(one, labels));
  const rest = perWorkload.flat().filter(({ kind }) => kind !== 'Namespace');
  return [...namespaces, configMap, secret, ...rest];
}

function labelled(object: KubernetesObject, labels: NonNullable<TrafficFixture['labels']>): KubernetesObject {
  const given = Object.entries(labels).filter((label): label is [string, string] => label[1] !== null);
  return {
    ...object,
    metadata: { ...object.metadata, labels: { ...object.metadata?.labels, ...Object.fromEntries(given) } },
  };
}
