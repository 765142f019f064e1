import type { KubernetesObject } from '@kubernetes/client-node';
import { apply, remove } from '../kube/apply.ts';
import type { Kube } from '../kube/client.ts';
import { fixtureObjects, fixtureText, kubeObject, movedTo, originNamespace } from '../kube/manifests.ts';
import { namespaceMustTakePods, podMustBeReady } from '../kube/workloads.ts';
import { originLogFormat, originLogFormatName } from '../trip/origin.ts';
import { makeServerCertificate } from './certificates.ts';
import type { Destination } from './destination.ts';

/** Starts the origin in the cluster: it serves the page under a certificate for the URL's host, made for this run. */
export async function startOrigin(
  kube: Kube,
  image: string,
  { because, url, title }: Pick<Destination, 'because' | 'url' | 'title'>,
  namespace = originNamespace,
): Promise<Destination> {
  const { host } = new URL(url);
  const moved = new Map([[originNamespace, namespace]]);
  const { ca, certificate, key } = await makeServerCertificate(host);
  const page = await fixtureText('fixtures/origin/Main_Page.html');
  const objects = await fixtureObjects('fixtures/origin/origin.yaml', { ORIGIN_IMAGE: image });
  const [ownNamespace, ...rest] = objects.map((one) => movedTo(moved, one));
  const metadata = { name: 'origin', namespace };
  await apply<KubernetesObject>(kube, [
    ownNamespace as KubernetesObject,
    kubeObject('ConfigMap', metadata, {
      data: { 'nginx.conf': nginxConfiguration(host), 'Main_Page.html': page },
    }),
    kubeObject('Secret', metadata, { stringData: { 'tls.crt': certificate, 'tls.key': key } }),
  ]);
  await namespaceMustTakePods(kube, namespace);
  // On a kept cluster a pod of an earlier run may hold that run's certificate and page.
  await remove(kube, rest);
  await apply(kube, rest);
  const pod = await podMustBeReady(kube, namespace, metadata.name);
  const ip = pod.status?.podIP ?? '';
  return {
    kind: 'hermetic',
    because,
    url,
    title,
    ca,
    origin: { namespace, pod: 'origin', container: 'origin', ip },
  };
}

/** Path of the page that the hermetic destination sends as slowly as the request asks. */
export const heldPath = '/held';
/** How many times a header of its answer repeats the padding that the request asks for. */
export const paddingRepeats = 8;

/**
 * The page as slowly as it is asked for (`rate`, bytes a second), with as long a header as it is asked for (`p`, eight
 * times): for tunnels that are to stay open, and to differ in their bytes.
 */
const heldPage = `location = ${heldPath} {
      alias /srv/wiki/Main_Page;
      limit_rate $arg_rate;
      add_header X-Padding "${'$arg_p'.repeat(paddingRepeats)}";
    }`;

/** nginx's configuration of an origin that answers for `host`; `directive` is one more of its server's. */
export function nginxConfiguration(host: string, directive = ''): string {
  return `worker_processes 1;
events { worker_connections 4096; }
http {
  ${originLogFormat}
  access_log /dev/stdout ${originLogFormatName};
  error_log /dev/stderr warn;
  server {
    listen 443 ssl;
    server_name ${host};
    ssl_certificate /tls/tls.crt;
    ssl_certificate_key /tls/tls.key;
    root /srv;
    # A tunnel that stays open for a whole upgrade is not for the origin to end.
    keepalive_requests 1000000;
    keepalive_time 1d;
    default_type "text/html; charset=utf-8";
    ${heldPage}
    ${directive}
  }
}
`;
}
