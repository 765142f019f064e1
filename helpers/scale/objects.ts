import type { KubernetesObject } from '@kubernetes/client-node';
import type { Destination } from '../destination/destination.ts';
import { UsageError } from '../errors.ts';
import { fixtureObjects, fixtureText, kubeObject } from '../kube/manifests.ts';
import { formatEndpoint, type Endpoint } from '../trip/endpoint.ts';
import { type Load, holdSeconds } from './load.ts';
import { heldPath, paddingRepeats } from '../destination/hermetic.ts';
import { userAgent } from '../trip/origin.ts';

export const clientsName = 'conformance-clients';

interface ClientsFixture {
  readonly namespace: string;
  readonly load: Load;
  readonly curlImage: string;
  readonly destination: Destination;
  readonly proxy: Endpoint;
}

/**
 * The clients' objects, in the order to apply them.
 * @throws UsageError when a fixture cannot be read, or there is no destination of our own to send so many requests to
 */
export async function clientsObjects(fixture: ClientsFixture): Promise<KubernetesObject[]> {
  const { namespace, load, curlImage, destination, proxy } = fixture;
  if (destination.ca === undefined || destination.origin === undefined) {
    throw new UsageError(
      `${new URL(destination.url).host} must not get the requests of so many clients at once`,
      'Run with --target hermetic.',
    );
  }
  const values = { CLIENTS: String(load.clients), CURL_IMAGE: curlImage, PROXY: formatEndpoint(proxy) };
  const workload = await fixtureObjects('fixtures/scale/clients.yaml', values);
  const data = {
    'tunnels.sh': await fixtureText('fixtures/scale/tunnels.sh'),
    'tunnels.conf': tunnelsConf(load, destination.url),
    'ca.crt': destination.ca,
  };
  return [
    kubeObject('ConfigMap', { name: clientsName, namespace }, { data }),
    ...workload.map((one) => ({ ...one, metadata: { ...one.metadata, namespace } })),
  ];
}

/** The clients' objects by name: enough to delete them. */
export function clientsIn(namespace: string): KubernetesObject[] {
  const metadata = { name: clientsName, namespace };
  return [kubeObject('Deployment', metadata), kubeObject('ConfigMap', metadata)];
}

/** Headers and page as they are without padding, roughly. */
const plainBytes = 560;
/** Each tunnel asks for this many characters more than the one before, so that its bytes in Squid's log are unique. */
const step = 8;

/** Names of a trip: unique, and in the user agent, which the origin logs. */
export function tripId(pod: string, wave: number | string, tunnel: number): string {
  return `${pod}-w${wave}-t${tunnel}`;
}

/** curl's figures of one trip, as fixtures/scale/tunnels.sh says. */
const figures =
  '%{exitcode}|%{http_code}|%{http_connect}|%{local_ip}|%{local_port}|%{remote_ip}|%{remote_port}|%{size_download}|%{time_total}|%{errormsg}';

/**
 * curl's configuration for the tunnels of one pod. Each asks for the page with another padding, since Squid's log tells
 * a pod's tunnels apart by their bytes alone, and so slowly that it lasts until all the others are open.
 * POD, WAVE and STATE are filled in there.
 */
export function tunnelsConf(load: Load, destination: string): string {
  const seconds = holdSeconds(load);
  const requests = Array.from({ length: load.tunnels }, (_none, index) => {
    const padding = 'x'.repeat(index * step);
    const rate = Math.ceil((plainBytes + padding.length * paddingRepeats) / seconds);
    const url = new URL(heldPath, destination);
    url.search = new URLSearchParams({ rate: String(rate), p: padding }).toString();
    const id = tripId('POD', 'WAVE', index + 1);
    return [
      `url = "${url.href}"`,
      `user-agent = "${userAgent(id)}"`,
      'cacert = "/scale/ca.crt"',
      `max-time = ${seconds * 3 + 60}`,
      `output = "STATE/page-${index + 1}"`,
      `write-out = "trip|${id}|${figures}\\n"`,
    ].join('\n');
  });
  return `${requests.join('\nnext\n')}\n`;
}
