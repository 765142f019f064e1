import { z } from 'zod';
import type { KubernetesObject, V1ConfigMap, V1Pod } from '@kubernetes/client-node';
import { parse } from 'yaml';
import type { Edition } from '../../helpers/document/edition.ts';
import { messageOf } from '../../helpers/errors.ts';
import { releaseOf } from '../../helpers/existing/found-istio.ts';
import { overlayOf } from '../../helpers/given/given.ts';
import { istioctl } from '../../helpers/istio/istioctl.ts';
import { beginInstall } from '../../helpers/istio/install.ts';
import { controlPlaneVersion } from '../../helpers/istio/control-plane.ts';
import { istioSystem, meshConfigMapOf } from '../../helpers/istio/revision.ts';
import { proxyVersions, sidecarOf } from '../../helpers/istio/sidecar.ts';
import { apply, find } from '../../helpers/kube/apply.ts';
import { kubeObject, parseManifests } from '../../helpers/kube/manifests.ts';
import { livePods } from '../../helpers/kube/workloads.ts';
import { isOwnClient } from './given-client.ts';
import { fail, mustEqual, workloadMustBeReady } from './must.ts';
import { inSection, type Step } from './step.ts';
import type { Mesh, World } from './world.ts';

export const beforeYouBegin = ({ commands, claims, client }: Edition): readonly Step[] =>
  inSection('before-you-begin', {
    'BEFORE-1': {
      title: 'Install Istio',
      claims: claims.istioIsInstalled,
      needs: [],
      ahead: { work: install, since: ({ session }) => session.begunInstall?.at },
      run: async (world) => {
        const { session, kube, mesh } = world;
        const found = session.existing?.istio !== undefined;
        // In an existing mesh the session has looked already, with the permissions it has.
        const version = found ? mesh.istio : await controlPlaneVersion(kube, mesh.revision, mesh.system);
        if (version !== undefined) world.versions['istiod'] = version;
        world.note('istiod', version ?? 'version unknown');
        if (found) world.note('found', `revision ${mesh.revision ?? 'default'} in ${mesh.system}`);
        if (mesh.istio !== undefined) {
          mustEqual('CONTROL_PLANE', "istiod's version", version ?? '', mesh.istio);
        }
        if (!found) await accessLogMustBeOn(world);
      },
    },
    'BEFORE-2': {
      when: isOwnClient,
      title: `Start the ${client} sample with a sidecar`,
      commands: [commands.applyClient, commands.injectClient],
      needs: ['BEFORE-1'],
      ahead: {
        work: (world) =>
          world.session.configuration.injection === 'auto' ? startAutomatically(world) : startManually(world),
      },
      run: async (world) => {
        const { kube, mesh } = world;
        const pod = await workloadMustBeReady(world, world.namespaces.mesh, world.edition.client);
        await sidecarMustBeThere(world, pod);
        const versions = await proxyVersions(kube, {
          namespace: world.namespaces.mesh,
          pod: pod.metadata?.name ?? '',
        });
        world.versions['istio-proxy'] = versions.istio;
        world.versions['envoy'] = versions.envoy;
        world.note('istio-proxy', versions.istio);
        world.note('Envoy', versions.envoy);
        if (mesh.sidecar.istio !== undefined) {
          // Of an existing mesh only the image's tag may be known, and a company's build may report more than that.
          const release = (version: string): string =>
            world.session.existing === undefined ? version : releaseOf(version);
          const wanted = release(mesh.sidecar.istio);
          mustEqual('SIDECAR_VERSION', "the sidecar's Istio version", release(versions.istio), wanted);
        }
      },
    },
    'BEFORE-3': {
      when: isOwnClient,
      title: `SOURCE_POD is the ${client} pod`,
      commands: [commands.sourcePod],
      needs: ['BEFORE-2'],
      run: async (world) => {
        const label = `app=${world.edition.client}`;
        const pods = await livePods(world.kube, world.namespaces.mesh, label);
        const names = pods.map(({ metadata }) => metadata?.name ?? '');
        const [name] = names;
        if (world.session.configuration.nodes > 1) world.note('node', pods[0]?.spec?.nodeName ?? '');
        if (name === undefined || names.length > 1) {
          fail('WORKLOAD_NOT_READY', `pods with ${label}: ${names.join(' ') || 'none'}`, 'exactly one');
        }
        world.note('SOURCE_POD', name);
        world.sourcePod.set(name);
      },
    },
  });

async function install(world: World): Promise<void> {
  const { session, mesh } = world;
  if (mesh.install === undefined) return;
  const base = await world.fixtures.text('istio.yaml');
  const { failure } =
    session.begunInstall ??
    (await beginInstall(session.cluster, mesh.install, base, overlayOf(session.given, base, 'from')));
  if (failure === undefined) return;
  fail('INSTALL_FAILED', failure.output.trim() || failure.message, 'istioctl install ends without an error');
}

/** Istio writes no access log by default; without it the sidecar could not testify, and the document shows its text. */
async function accessLogMustBeOn({ kube, mesh: { revision, system } }: World): Promise<void> {
  const metadata = { name: meshConfigMapOf(revision), namespace: system };
  const stored = await find<V1ConfigMap>(kube, kubeObject('ConfigMap', metadata));
  const settings = z
    .looseObject({
      accessLogFile: z.string().optional(),
      accessLogEncoding: z.string().optional(),
      accessLogFormat: z.string().optional(),
    })
    .parse(parse(stored?.data?.['mesh'] ?? '{}') ?? {});
  mustEqual('ACCESS_LOG_OFF', 'meshConfig.accessLogFile', settings.accessLogFile ?? '', '/dev/stdout');
  const encoding = settings.accessLogEncoding ?? 'TEXT';
  mustEqual('ACCESS_LOG_ENCODING', 'meshConfig.accessLogEncoding', encoding, 'TEXT');
  mustEqual('ACCESS_LOG_ENCODING', 'meshConfig.accessLogFormat', settings.accessLogFormat ?? '', '');
}

async function startAutomatically(world: World): Promise<void> {
  const { kube, session, namespaces } = world;
  const namespace = await world.fixtures.objects('document/default-namespace.yaml');
  await apply(
    kube,
    namespace.map((object) => labelledFor(world.mesh, object)),
  );
  await apply(
    kube,
    await world.fixtures.objects(
      'document/client.yaml',
      { CURL_IMAGE: session.images.images.curl.reference },
      namespaces.mesh,
    ),
    namespaces.mesh,
  );
}

/** Where the mesh's injector heeds other labels than the document's, those. */
export function labelledFor({ injection }: Mesh, namespace: KubernetesObject): KubernetesObject {
  if (injection === undefined) return namespace;
  return { ...namespace, metadata: { ...namespace.metadata, labels: injection } };
}

/** The injected manifest comes from istioctl, so the namespace needs no label. */
async function startManually(world: World): Promise<void> {
  const { kube, session, namespaces, mesh } = world;
  const { images } = session.images;
  const ofMesh = [
    ...(mesh.revision === undefined ? [] : ['--revision', mesh.revision]),
    ...(mesh.system === istioSystem ? [] : ['--istioNamespace', mesh.system]),
  ];
  const plain = (await world.fixtures.text('document/client.yaml', namespaces.mesh)).replaceAll(
    '${CURL_IMAGE}',
    images.curl.reference,
  );
  const input = '/conformance/client.yaml';
  let injected: string;
  try {
    injected = await istioctl(
      session.cluster,
      images.istioctl.reference,
      ['kube-inject', '--filename', input, ...ofMesh],
      {
        files: { [input]: plain },
      },
    );
  } catch (error) {
    fail('INSTALL_FAILED', messageOf(error), 'istioctl kube-inject prints the manifest with a sidecar');
  }
  await apply(kube, parseManifests(injected, 'the output of istioctl kube-inject'), namespaces.mesh);
}

async function sidecarMustBeThere(world: World, pod: V1Pod): Promise<void> {
  const { mesh } = world.namespaces;
  const sidecar = sidecarOf(pod);
  const name = pod.metadata?.name ?? '';
  if (sidecar === undefined) {
    const namespace = await world.kube.core.readNamespace({ name: mesh });
    const { 'istio-injection': injection, 'istio.io/rev': revision } = namespace.metadata?.labels ?? {};
    if (
      world.session.configuration.injection === 'auto' &&
      injection !== 'enabled' &&
      revision === undefined
    ) {
      fail(
        'NAMESPACE_NOT_LABELLED',
        `pod ${mesh}/${name} has no container istio-proxy; namespace ${mesh} has ${injection === undefined ? 'no label istio-injection' : `istio-injection=${injection}`}`,
        `namespace ${mesh} is labelled istio-injection=enabled before ${world.edition.client} starts, and its pod has a sidecar`,
      );
    }
    fail('SIDECAR_MISSING', `pod ${mesh}/${name} has no container istio-proxy`, 'a container istio-proxy');
  }
  world.note('sidecar', `${sidecar.kind}, ${sidecar.image}`);
  const { image } = world.mesh.sidecar;
  if (image !== undefined) mustEqual('SIDECAR_VERSION', "the sidecar's image", sidecar.image, image);
}
