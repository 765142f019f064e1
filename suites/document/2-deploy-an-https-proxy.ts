import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KubernetesObject, V1ConfigMap, V1Deployment } from '@kubernetes/client-node';
import { expect } from 'vitest';
import { kubeObject, namespaceObject } from '../../helpers/kube/manifests.ts';
import type { Edition } from '../../helpers/document/edition.ts';
import { placePullSecret } from '../../helpers/existing/pull-secret.ts';
import { eventually } from '../../helpers/eventually/eventually.ts';
import { sidecarOf } from '../../helpers/istio/sidecar.ts';
import { apply, find } from '../../helpers/kube/apply.ts';
import { exec, execOrThrow, type PodRef } from '../../helpers/kube/exec.ts';
import { nameOf } from '../../helpers/kube/client.ts';
import { describePod, livePods } from '../../helpers/kube/workloads.ts';
import { timeouts } from '../../helpers/timeouts.ts';
import { noSidecar, proxy } from '../../helpers/trip/expectations.ts';
import { parentConfiguration, withoutLogin } from '../../helpers/destination/parent.ts';
import { fail, lineMustBeInSquidLog, mustEqual, waitOrFail, workloadMustBeReady } from './must.ts';
import { squidConfigurationOf, words } from './fixtures.ts';
import { inSection, isDeployed, type Step } from './step.ts';
import type { World } from './world.ts';

export const deployAnHttpsProxy = ({ commands, client }: Edition): readonly Step[] =>
  inSection('deploy-an-https-proxy', {
    'PROXY-1': {
      title: 'Namespace external exists and is not labelled for injection',
      commands: [commands.createNamespace],
      needs: ['BEFORE-1'],
      ahead: {
        work: async ({ kube, namespaces: { external }, session }) => {
          await apply(kube, [namespaceObject(external)]);
          const pullSecret = session.existing?.pullSecret;
          if (pullSecret !== undefined) await placePullSecret(kube, external, pullSecret);
        },
      },
      run: namespaceMustNotInject,
    },
    'PROXY-2': {
      when: isDeployed,
      title: "proxy.conf is Squid's configuration as in the document",
      commands: [commands.writeProxyConf],
      needs: [],
      ahead: {
        work: async ({ fixtures, folder }) => {
          await writeFile(join(folder, 'proxy.conf'), await fixtures.text('document/proxy.conf'));
        },
      },
      run: async (world) => {
        const written = await readFile(join(world.folder, 'proxy.conf'), 'utf8');
        const page = await world.fixtures.text('document/page.txt');
        const expected = squidConfigurationOf(page).join(' ');
        mustEqual(
          'CONFIG_DIFFERS',
          world.fixtures.path('document/proxy.conf'),
          words(written).join(' '),
          expected,
        );
      },
    },
    'PROXY-3': {
      when: isDeployed,
      title: 'ConfigMap proxy-configmap holds it under squid.conf',
      commands: [commands.createConfigMap],
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
        mustEqual(
          'CONFIG_DIFFERS',
          `the list of keys of ${world.edition.proxy.configMap}`,
          keys,
          'squid.conf',
        );
        mustEqual(
          'CONFIG_DIFFERS',
          `squid.conf in ${world.edition.proxy.configMap}`,
          withoutLogin(stored?.data?.['squid.conf'] ?? ''),
          withoutLogin(text),
        );
      },
    },
    'PROXY-4': {
      when: isDeployed,
      title: 'Squid runs with that configuration, mounted read-only',
      commands: [commands.deployProxy],
      needs: ['PROXY-3'],
      ahead: {
        work: async (world) => {
          const { kube, session, fixtures } = world;
          const objects = await fixtures.objects('document/squid.yaml', {
            SQUID_IMAGE: session.images.images.squid.reference,
          });
          const { destination, configuration } = session;
          const aliased = withHostAlias(objects, destination.origin?.ip, destination.url);
          const several = configuration.nodes > 1;
          await apply(kube, several ? apartFrom(client, aliased) : aliased);
          if (several) await squidMustHaveNode(world);
        },
      },
      run: async (world) => {
        const { kube } = world;
        const { external } = world.namespaces;
        const pod = await workloadMustBeReady(world, external, world.edition.proxy.app);
        await mountMustBeReadOnly(world);
        world.squidPod.set(pod);
        if (world.session.configuration.nodes > 1) world.note('node', pod.spec?.nodeName ?? '');
        const target = world.squid();
        const used = await execOrThrow(kube, target, ['cat', '/etc/squid/squid.conf']);
        const written = await squidConfiguration(world);
        const what = '/etc/squid/squid.conf in the Squid pod';
        mustEqual('CONFIG_DIFFERS', what, withoutLogin(used), withoutLogin(written));
        await squidMustListen(world, target);
        world.witnesses.follow('proxy', target);
      },
    },
    'PROXY-5': {
      title: `The ${client} sample runs in external, without a sidecar`,
      commands: [commands.applyOutsideClient],
      needs: ['PROXY-1'],
      ahead: {
        // Two clients on two nodes would leave Squid none.
        after: ['PROXY-4'],
        work: async ({ kube, session, fixtures, namespaces: { external } }) => {
          const values = { CURL_IMAGE: session.images.images.curl.reference };
          await apply(kube, await fixtures.objects('document/client.yaml', values, external), external);
        },
      },
      run: async (world) => {
        const { external } = world.namespaces;
        const pod = await workloadMustBeReady(world, external, world.edition.client);
        await nothingMustBeInjected(world);
        world.externalPod.set(pod.metadata?.name ?? '');
      },
    },
    'PROXY-6': {
      when: isDeployed,
      title: 'PROXY_IP is the address of the Squid pod and of no Service',
      commands: [commands.proxyIp],
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
        world.proxyIps.set([ip]);
      },
    },
    'PROXY-7': {
      when: isDeployed,
      title: "PROXY_PORT is the port of Squid's configuration",
      commands: [commands.proxyPort],
      needs: ['PROXY-2'],
      run: async (world) => {
        const configured =
          /^http_port\s+(\d+)/m.exec(await world.fixtures.text('document/proxy.conf'))?.[1] ?? '';
        mustEqual('CONFIG_DIFFERS', 'http_port of proxy.conf', configured, String(world.edition.proxy.port));
        world.note('PROXY_PORT', configured);
        world.proxyPort.set(Number(configured));
      },
    },
    'PROXY-8': {
      when: isDeployed,
      title: 'Without Istio, the page arrives through the proxy',
      commands: [commands.requestWithoutIstio],
      needs: ['PROXY-5', 'PROXY-6', 'PROXY-7'],
      run: async (world) => {
        await nothingMustBeInjected(world);
        const trip = await world.witnesses.fetch(world.outsideClient(), { via: world.proxy() });
        world.evidence(trip);
        world.baselineTrip.set(trip);
        world.note('title', trip.client.title ?? '');
        expect(trip).toHaveTitle(world.session.destination.title);
      },
    },
    'PROXY-9': {
      when: isDeployed,
      title: "Squid's access log has the line of that very request",
      commands: [commands.proxyLog],
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
  });

async function proxyConfigMap(world: World): Promise<V1ConfigMap & KubernetesObject> {
  const metadata = { name: world.edition.proxy.configMap, namespace: world.namespaces.external };
  return kubeObject('ConfigMap', metadata, { data: { 'squid.conf': await squidConfiguration(world) } });
}

/** The document's proxy.conf, and the parent where the real destination is behind a company's proxy. */
async function squidConfiguration({ folder, session }: World): Promise<string> {
  const written = await readFile(join(folder, 'proxy.conf'), 'utf8');
  return `${written}${parentConfiguration(session.destination.parent)}`;
}

async function namespaceMustNotInject({ kube, namespaces: { external } }: World): Promise<void> {
  const namespace = await kube.core.readNamespace({ name: external });
  const labels = Object.entries(namespace.metadata?.labels ?? {}).filter(
    ([key, value]) =>
      ['istio-injection', 'istio.io/rev', 'istio.io/dataplane-mode'].includes(key) &&
      // Where namespaces without a label are injected, this one says no.
      `${key}=${value}` !== 'istio-injection=disabled',
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

/** Of a cluster of several nodes, the proxy is on another than its clients: the way between nodes is part of what is judged. */
function apartFrom(client: string, objects: readonly KubernetesObject[]): KubernetesObject[] {
  const term = {
    labelSelector: { matchLabels: { app: client } },
    namespaceSelector: {},
    topologyKey: 'kubernetes.io/hostname',
  };
  const affinity = { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } };
  return objects.map((object) => {
    if (object.kind !== 'Deployment') return object;
    const deployment = structuredClone(object) as V1Deployment;
    Object.assign(deployment.spec?.template.spec ?? {}, { affinity });
    return deployment;
  });
}

/** From then on the scheduler keeps its clients off that node. */
async function squidMustHaveNode({ kube, edition, namespaces: { external } }: World): Promise<void> {
  await waitOrFail('PROXY_POD_NOT_READY', 'Squid has a node that none of its clients is on', () =>
    eventually(
      'Squid to have a node',
      async () => {
        const pods = await livePods(kube, external, `app=${edition.proxy.app}`);
        if (!pods.some(({ spec }) => spec?.nodeName !== undefined)) {
          throw new Error(pods.map((pod) => describePod(pod)).join('; ') || 'there is no pod');
        }
      },
      { timeoutMs: timeouts.workloadReady, intervalMs: 100 },
    ),
  );
}

async function mountMustBeReadOnly({ kube, edition, namespaces: { external } }: World): Promise<void> {
  const { app, configMap: wanted } = edition.proxy;
  const stored = await kube.apps.readNamespacedDeployment({ namespace: external, name: app });
  const spec = stored.spec?.template.spec;
  const volume = spec?.volumes?.find(({ configMap }) => configMap?.name === wanted);
  const mount = spec?.containers
    .flatMap(({ volumeMounts = [] }) => volumeMounts)
    .find(({ mountPath }) => mountPath === '/etc/squid');
  if (volume === undefined || mount?.name !== volume.name || mount.readOnly !== true) {
    fail(
      'CONFIG_DIFFERS',
      `Deployment ${app} mounts at /etc/squid: ${JSON.stringify(mount ?? null)}`,
      `ConfigMap ${wanted}, read-only, at /etc/squid`,
    );
  }
}

/** The Deployment has no readiness probe, so a ready pod may not listen yet: /proc/net tells when it does. */
async function squidMustListen(world: World, target: PodRef): Promise<void> {
  const { port } = world.edition.proxy;
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  // Columns: number, local address:port, remote address, state (0A is LISTEN).
  const listening = new RegExp(`^\\s*\\d+: [0-9A-F]+:${hex} [0-9A-F:]+ 0A `, 'm');
  await waitOrFail('PROXY_POD_NOT_READY', `Squid listens on port ${port}`, () =>
    eventually(
      `Squid to listen on port ${port}`,
      async () => {
        const { stdout } = await exec(world.kube, target, ['cat', '/proc/net/tcp', '/proc/net/tcp6']);
        if (!listening.test(stdout)) throw new Error(`no listener on ${port}`);
      },
      { timeoutMs: timeouts.workloadReady, intervalMs: 100 },
    ),
  );
}

/** The address is no Service's; nor is there a Service in front of it, where the document deploys the proxy. */
async function addressMustBeNoService(world: World, ip: string): Promise<void> {
  await mustBeNoClusterIp(world, ip);
  const slice = await sliceOf(world, ip);
  if (slice !== undefined) fail(...isService(ip, `EndpointSlice ${slice}`));
}

/** @throws a failed step when the address is the cluster IP of a Service */
export async function mustBeNoClusterIp({ kube }: World, ip: string): Promise<void> {
  const { items } = await kube.core.listServiceForAllNamespaces();
  const owner = items.find(({ spec }) => spec?.clusterIPs?.includes(ip) === true);
  if (owner !== undefined) fail(...isService(ip, nameOf({ ...owner, kind: 'Service' })));
}

/** The EndpointSlice that leads to the address, as namespace/name. */
export async function sliceOf({ kube }: World, ip: string): Promise<string | undefined> {
  const { items } = await kube.discovery.listEndpointSliceForAllNamespaces();
  const slice = items.find(
    ({ endpoints }) => endpoints?.some(({ addresses }) => addresses.includes(ip)) === true,
  );
  return slice === undefined ? undefined : `${slice.metadata?.namespace ?? ''}/${slice.metadata?.name ?? ''}`;
}

function isService(ip: string, whose: string): Parameters<typeof fail> {
  return [
    'PROXY_IS_SERVICE',
    `${ip} belongs to ${whose}`,
    'PROXY_IP belongs to no Service, as an external proxy does not',
  ];
}
