import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KubernetesObject, V1ConfigMap, V1Deployment, V1Pod } from '@kubernetes/client-node';
import { expect } from 'vitest';
import { placePullSecret } from '../../helpers/existing/pull-secret.ts';
import { eventually } from '../../helpers/eventually/eventually.ts';
import { sidecarOf } from '../../helpers/istio/sidecar.ts';
import { apply, find } from '../../helpers/kube/apply.ts';
import { exec, execOrThrow } from '../../helpers/kube/exec.ts';
import { livePods } from '../../helpers/kube/workloads.ts';
import { timeouts } from '../../helpers/timeouts.ts';
import { noSidecar, proxy } from '../../helpers/trip/expectations.ts';
import { fail, mustEqual } from './fail.ts';
import { squidConfigurationOf, words } from './fixtures.ts';
import { lineMustBeInSquidLog } from './squid-log.ts';
import { squidIsDeployed, type Step } from './step.ts';
import { workloadMustBeReady } from './workloads.ts';
import type { World } from './world.ts';

export const deployAnHttpsProxy: readonly Step[] = [
  {
    id: 'PROXY-1',
    section: 'deploy-an-https-proxy',
    title: 'Namespace external exists and is not labelled for injection',
    commands: ['kubectl create namespace external'],
    needs: ['BEFORE-1'],
    ahead: {
      work: async ({ kube, namespaces: { external }, session }) => {
        await apply(kube, [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: external } }]);
        const pullSecret = session.existing?.pullSecret;
        if (pullSecret !== undefined) await placePullSecret(kube, external, pullSecret);
      },
    },
    run: namespaceMustNotInject,
  },
  {
    id: 'PROXY-2',
    section: 'deploy-an-https-proxy',
    when: squidIsDeployed,
    title: "proxy.conf is Squid's configuration as in the document",
    commands: [
      'cat <<EOF > ./proxy.conf http_port 3128 acl SSL_ports port 443 acl CONNECT method CONNECT http_access deny CONNECT !SSL_ports http_access allow localhost manager http_access deny manager http_access allow all coredump_dir /var/spool/squid EOF',
    ],
    needs: [],
    ahead: {
      work: async ({ fixtures, folder }) => {
        await writeFile(join(folder, 'proxy.conf'), await fixtures.text('document/proxy.conf'));
      },
    },
    run: async (world) => {
      const written = await readFile(join(world.folder, 'proxy.conf'), 'utf8');
      const page = await world.fixtures.text('document/page.zh.txt');
      const expected = squidConfigurationOf(page).join(' ');
      mustEqual('CONFIG_DIFFERS', 'fixtures/document/proxy.conf', words(written).join(' '), expected);
    },
  },
  {
    id: 'PROXY-3',
    section: 'deploy-an-https-proxy',
    when: squidIsDeployed,
    title: 'ConfigMap proxy-configmap holds it under squid.conf',
    commands: ['kubectl create configmap proxy-configmap -n external --from-file=squid.conf=./proxy.conf'],
    needs: ['PROXY-1', 'PROXY-2'],
    ahead: {
      work: async (world) => {
        await apply(world.kube, [await proxyConfigMap(world)]);
      },
    },
    run: async (world) => {
      const configMap = await proxyConfigMap(world);
      const text = configMap.data?.['squid.conf'] ?? '';
      const stored = await find<V1ConfigMap>(world.kube, configMap);
      const keys = Object.keys(stored?.data ?? {}).join(', ');
      mustEqual('CONFIG_DIFFERS', 'the list of keys of proxy-configmap', keys, 'squid.conf');
      mustEqual('CONFIG_DIFFERS', 'squid.conf in proxy-configmap', stored?.data?.['squid.conf'] ?? '', text);
    },
  },
  {
    id: 'PROXY-4',
    section: 'deploy-an-https-proxy',
    when: squidIsDeployed,
    title: 'Squid runs with that configuration, mounted read-only',
    commands: [
      'kubectl apply -f - <<EOF apiVersion: extensions/v1beta1 kind: Deployment metadata: name: squid namespace: external spec: replicas: 1 template: metadata: labels: app: squid spec: volumes: - name: proxy-config configMap: name: proxy-configmap containers: - name: squid image: sameersbn/squid:3.5.27 imagePullPolicy: IfNotPresent volumeMounts: - name: proxy-config mountPath: /etc/squid readOnly: true EOF',
    ],
    needs: ['PROXY-3'],
    ahead: {
      work: async ({ kube, session, fixtures }) => {
        const objects = await fixtures.objects('document/squid.yaml', {
          SQUID_IMAGE: session.images.images.squid.reference,
        });
        await apply(kube, withHostAlias(objects, session.destination.origin?.ip, session.destination.url));
      },
    },
    run: async (world) => {
      const { kube } = world;
      const { external } = world.namespaces;
      const [pod] = await workloadMustBeReady(world, external, 'squid');
      if (pod === undefined) throw new Error('a ready Deployment has no pod');
      await mountMustBeReadOnly(world);
      const target = { namespace: external, pod: pod.metadata?.name ?? '', container: 'squid' };
      const used = await execOrThrow(kube, target, ['cat', '/etc/squid/squid.conf']);
      const written = await readFile(join(world.folder, 'proxy.conf'), 'utf8');
      mustEqual('CONFIG_DIFFERS', '/etc/squid/squid.conf in the Squid pod', used, written);
      await squidMustListen(world, pod);
      world.squidPod.set(pod);
      world.witnesses.follow('proxy', target);
    },
  },
  {
    id: 'PROXY-5',
    section: 'deploy-an-https-proxy',
    title: 'The sleep sample runs in external, without a sidecar',
    commands: ['kubectl apply -n external -f @samples/sleep/sleep.yaml@'],
    needs: ['PROXY-1'],
    ahead: {
      work: async ({ kube, session, fixtures, namespaces: { external } }) => {
        const values = { CURL_IMAGE: session.images.images.curl.reference };
        await apply(kube, await fixtures.objects('document/sleep.yaml', values, external), external);
      },
    },
    run: async (world) => {
      const { external } = world.namespaces;
      const [pod] = await workloadMustBeReady(world, external, 'sleep');
      if (pod === undefined) throw new Error('a ready Deployment has no pod');
      await nothingMustBeInjected(world);
      world.externalPod.set(pod.metadata?.name ?? '');
    },
  },
  {
    id: 'PROXY-6',
    section: 'deploy-an-https-proxy',
    when: squidIsDeployed,
    title: 'PROXY_IP is the address of the Squid pod and of no Service',
    commands: ['export PROXY_IP=$(kubectl get pod -n external -l app=squid -o jsonpath={.items..podIP})'],
    needs: ['PROXY-4'],
    run: async (world) => {
      const { kube } = world;
      const { external } = world.namespaces;
      // A Squid pod that is being deleted still has an address for its 30 s of grace.
      const pods = await livePods(kube, external, 'app=squid');
      const addresses = pods.map(({ status }) => status?.podIP ?? '');
      const [ip] = addresses;
      if (ip === undefined || ip === '' || addresses.length > 1) {
        fail(
          'PROXY_POD_AMBIGUOUS',
          `live pods with app=squid: ${pods.map(({ metadata, status }) => `${metadata?.name ?? ''} ${status?.podIP ?? ''}`).join(', ') || 'none'}`,
          'exactly one, so that PROXY_IP is one address',
        );
      }
      await addressMustBeNoService(world, ip);
      world.note('PROXY_IP', ip);
      world.proxyIp.set(ip);
    },
  },
  {
    id: 'PROXY-7',
    section: 'deploy-an-https-proxy',
    when: squidIsDeployed,
    title: "PROXY_PORT is the port of Squid's configuration",
    commands: ['export PROXY_PORT=3128'],
    needs: ['PROXY-2'],
    run: async (world) => {
      const configured =
        /^http_port\s+(\d+)/m.exec(await world.fixtures.text('document/proxy.conf'))?.[1] ?? '';
      mustEqual('CONFIG_DIFFERS', 'http_port of proxy.conf', configured, '3128');
      world.note('PROXY_PORT', configured);
      world.proxyPort.set(Number(configured));
    },
  },
  {
    id: 'PROXY-8',
    section: 'deploy-an-https-proxy',
    when: squidIsDeployed,
    title: 'Without Istio, the page arrives through the proxy',
    commands: [
      'kubectl exec -it $(kubectl get pod -n external -l app=sleep -o jsonpath={.items..metadata.name}) -n external -- sh -c "HTTPS_PROXY=$PROXY_IP:$PROXY_PORT curl https://en.wikipedia.org/wiki/Main_Page" | grep -o "<title>.*</title>"',
    ],
    needs: ['PROXY-5', 'PROXY-6', 'PROXY-7'],
    run: async (world) => {
      await nothingMustBeInjected(world);
      const trip = await world.witnesses.fetch(
        { namespace: world.namespaces.external, pod: world.externalPod.get(), container: 'sleep' },
        { via: world.proxy() },
      );
      world.evidence(trip);
      world.baselineTrip.set(trip);
      world.note('title', trip.client.title ?? '');
      expect(trip).toHaveTitle(world.session.destination.title);
    },
  },
  {
    id: 'PROXY-9',
    section: 'deploy-an-https-proxy',
    when: squidIsDeployed,
    title: "Squid's access log has the line of that very request",
    commands: [
      'kubectl exec -it $(kubectl get pod -n external -l app=squid -o jsonpath={.items..metadata.name}) -n external -- tail -f /var/log/squid/access.log',
    ],
    needs: ['PROXY-8'],
    run: async (world) => {
      const trip = world.evidence(world.baselineTrip.get());
      expect(trip).toHaveCrossed(
        noSidecar(),
        proxy({ result: 'TCP_TUNNEL/200' }),
        ...world.witnesses.originExpectations(),
      );
      await lineMustBeInSquidLog(world, trip);
    },
  },
];

async function proxyConfigMap({
  folder,
  namespaces: { external },
}: World): Promise<V1ConfigMap & KubernetesObject> {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'proxy-configmap', namespace: external },
    data: { 'squid.conf': await readFile(join(folder, 'proxy.conf'), 'utf8') },
  };
}

async function namespaceMustNotInject({ kube, namespaces: { external } }: World): Promise<void> {
  const namespace = await kube.core.readNamespace({ name: external });
  const labels = Object.entries(namespace.metadata?.labels ?? {}).filter(([key]) =>
    ['istio-injection', 'istio.io/rev', 'istio.io/dataplane-mode'].includes(key),
  );
  if (labels.length > 0) {
    fail(
      'NAMESPACE_LABELLED',
      `namespace ${external} has ${labels.map(([key, value]) => `${key}=${value}`).join(', ')}`,
      'no label that brings Istio into it, so that it stands for a place outside the mesh',
    );
  }
}

/** The baseline is only one when nothing in external is Istio's. */
export async function nothingMustBeInjected(world: World): Promise<void> {
  const { external } = world.namespaces;
  await namespaceMustNotInject(world);
  const { items } = await world.kube.core.listNamespacedPod({ namespace: external });
  const injected = items.filter((pod) => sidecarOf(pod) !== undefined);
  if (injected.length > 0) {
    fail(
      'SIDECAR_UNEXPECTED',
      `pods of ${external} with a container istio-proxy: ${injected.map(({ metadata }) => metadata?.name ?? '').join(', ')}`,
      `no sidecar in ${external}: the baseline must run without Istio`,
    );
  }
}

/** Only Squid resolves the hermetic origin's name. A live run changes nothing in the document's Deployment. */
function withHostAlias(
  objects: readonly KubernetesObject[],
  ip: string | undefined,
  url: string,
): KubernetesObject[] {
  return objects.map((object) => {
    if (ip === undefined || object.kind !== 'Deployment') return object;
    const deployment = structuredClone(object) as V1Deployment;
    const podSpec = deployment.spec?.template.spec;
    if (podSpec !== undefined) podSpec.hostAliases = [{ ip, hostnames: [new URL(url).hostname] }];
    return deployment;
  });
}

async function mountMustBeReadOnly({ kube, namespaces: { external } }: World): Promise<void> {
  const stored = await kube.apps.readNamespacedDeployment({ namespace: external, name: 'squid' });
  const spec = stored.spec?.template.spec;
  const volume = spec?.volumes?.find(({ configMap }) => configMap?.name === 'proxy-configmap');
  const mount = spec?.containers
    .flatMap(({ volumeMounts = [] }) => volumeMounts)
    .find(({ mountPath }) => mountPath === '/etc/squid');
  if (volume === undefined || mount?.name !== volume.name || mount.readOnly !== true) {
    fail(
      'CONFIG_DIFFERS',
      `Deployment squid mounts at /etc/squid: ${JSON.stringify(mount ?? null)}`,
      'ConfigMap proxy-configmap, read-only, at /etc/squid',
    );
  }
}

/** The Deployment has no readiness probe, so a ready pod may not listen yet: /proc/net tells when it does. */
async function squidMustListen({ kube, namespaces: { external } }: World, pod: V1Pod): Promise<void> {
  const target = { namespace: external, pod: pod.metadata?.name ?? '', container: 'squid' };
  try {
    await eventually(
      'Squid to listen on port 3128',
      async () => {
        const { stdout } = await exec(kube, target, ['cat', '/proc/net/tcp', '/proc/net/tcp6']);
        // Columns: number, local address:port, remote address, state (0A is LISTEN); 3128 is 0C38.
        if (!/^\s*\d+: [0-9A-F]+:0C38 [0-9A-F:]+ 0A /m.test(stdout)) throw new Error('no listener on 3128');
      },
      { timeoutMs: timeouts.workloadReady, intervalMs: 100 },
    );
  } catch (error) {
    fail(
      'PROXY_POD_NOT_READY',
      error instanceof Error ? error.message : String(error),
      'Squid listens on port 3128',
    );
  }
}

export async function addressMustBeNoService({ kube }: World, ip: string): Promise<void> {
  const services = await kube.core.listServiceForAllNamespaces();
  const owner = services.items.find(({ spec }) => spec?.clusterIPs?.includes(ip) === true);
  const endpoints = await kube.discovery.listEndpointSliceForAllNamespaces();
  const slice = endpoints.items.find(
    (item) => item.endpoints?.some(({ addresses }) => addresses.includes(ip)) === true,
  );
  const found =
    owner !== undefined
      ? `Service ${owner.metadata?.namespace ?? ''}/${owner.metadata?.name ?? ''}`
      : slice !== undefined
        ? `EndpointSlice ${slice.metadata?.namespace ?? ''}/${slice.metadata?.name ?? ''}`
        : undefined;
  if (found !== undefined) {
    fail(
      'PROXY_IS_SERVICE',
      `${ip} belongs to ${found}`,
      'PROXY_IP belongs to no Service, as an external proxy does not',
    );
  }
}
