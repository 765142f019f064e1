import { readFile } from 'node:fs/promises';
import type { KubernetesObject } from '@kubernetes/client-node';
import type { Destination } from '../destination/destination.ts';
import { thrownAs, UsageError } from '../errors.ts';
import { parseManifests, render } from '../kube/manifests.ts';
import { formatEndpoint, type Endpoint } from '../trip/endpoint.ts';
import type { Load } from './load.ts';
import { tunnelsConf } from './tunnels-conf.ts';

const folder = new URL('../../fixtures/scale/', import.meta.url);
/** Name of all there is of the clients. */
export const clientsName = 'conformance-clients';

export interface ClientsFixture {
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
  const origin = 'fixtures/scale/clients.yaml';
  const workload = parseManifests(render(await read('clients.yaml'), values, origin), origin);
  const configMap: KubernetesObject & { data: Record<string, string> } = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: clientsName, namespace },
    data: {
      'tunnels.sh': await read('tunnels.sh'),
      'tunnels.conf': tunnelsConf(load, destination.url),
      'ca.crt': destination.ca,
    },
  };
  return [
    configMap,
    ...workload.map((object) => ({ ...object, metadata: { ...object.metadata, namespace } })),
  ];
}

/** The clients' objects by name: enough to delete them. */
export function clientsIn(namespace: string): KubernetesObject[] {
  const metadata = { name: clientsName, namespace };
  return [
    { apiVersion: 'apps/v1', kind: 'Deployment', metadata },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata },
  ];
}

async function read(name: string): Promise<string> {
  return readFile(new URL(name, folder), 'utf8').catch(
    thrownAs(
      UsageError,
      `fixtures/scale/${name} cannot be read`,
      'Restore the file: git checkout -- fixtures',
    ),
  );
}
