import type { Cluster } from '../cluster/k3s.ts';
import type { Configuration } from '../configuration/configuration.ts';
import { startOrigin } from '../destination/hermetic.ts';
import { EnvironmentError, messageOf, UsageError } from '../errors.ts';
import { lookAtNamespaces, makeNamespace, takePrepared } from '../existing/claim.ts';
import { pullSecretName, type Existing } from '../existing/existing.ts';
import { findIstio, type FoundIstio } from '../existing/found-istio.ts';
import { readKubeconfig, serverVersion, type ExistingCluster } from '../existing/kubeconfig.ts';
import { removeOwned } from '../existing/owned.ts';
import { labelsOf } from '../existing/ownership.ts';
import { permissionsMustSuffice } from '../existing/permissions.ts';
import { placePullSecret, readPullSecret } from '../existing/pull-secret.ts';
import { referencesOf } from '../images/references.ts';
import { roles, type ImageSet, type Role, type ResolvedImage } from '../images/roles.ts';
import { resolveVersions, type Architecture } from '../images/versions.ts';
import { installedByUs, uninstallOurs } from '../existing/installed.ts';
import { apply } from '../kube/apply.ts';
import { connect, type Kube } from '../kube/client.ts';
import type { Progress } from '../progress/progress.ts';
import type { Report } from '../report/report.ts';
import { chooseTarget, destinationOf } from './target.ts';
import { makeRunFolder, removeRunFolder, sweepRunFolders } from './folder.ts';
import type { Namespaces } from './namespaces.ts';
import type { Session, SessionFacts } from './session.ts';
import { collectSetUpEvidence } from './set-up-evidence.ts';
import { introduceProxy } from './your-proxy.ts';
import { originSuffix } from './surroundings.ts';

/** The cluster that a configuration names, undefined for one of the run's own. */
export function existingClusterOf(configuration: Configuration): ExistingCluster | undefined {
  const { kubeconfig, context, inCluster } = configuration;
  if (inCluster) return 'in-cluster';
  if (kubeconfig === undefined) return undefined;
  return context === undefined ? { kubeconfig } : { kubeconfig, context };
}

/** The namespaces of a run in somebody else's cluster. */
export function namespacesOf({ namespace, proxyNamespace }: Configuration): Namespaces {
  return { mesh: namespace, external: proxyNamespace, origin: `${proxyNamespace}${originSuffix}` };
}

/**
 * A session in a cluster that others work in: nothing is touched but namespaces of the run's own, and everything in
 * them is labelled with the run.
 * @throws UsageError, EnvironmentError; nothing is left behind then
 */
export async function openExistingSession(
  existing: ExistingCluster,
  configuration: Configuration,
  report: Report,
  progress: Progress,
): Promise<Session> {
  const { runId } = report;
  for (const name of await sweepRunFolders()) {
    progress.note(`  removed what an earlier run left: ${name}`);
  }
  const pullSecret =
    configuration.pullSecret === undefined ? undefined : await readPullSecret(configuration.pullSecret);
  const kubeconfig = readKubeconfig(existing);
  const version = await serverVersion(kubeconfig);
  const bare = connect(kubeconfig);
  report.versions['kubernetes'] = version;
  report.engine = `cluster ${bare.config.getCurrentContext()}, ${bare.config.getCurrentCluster()?.server ?? ''}`;
  const target = await chooseTarget(configuration);
  const yourProxy = introduceProxy(configuration, report, progress);
  report.target = { kind: target.kind, because: target.because, url: target.url };
  const all = namespacesOf(configuration);
  const used = [all.mesh, all.external, ...(target.kind === 'hermetic' ? [all.origin] : [])];
  const istio = await istioOf(bare, configuration);
  const leftBehind = (what: string): void => {
    progress.note(`  removed what an earlier run left: ${what}`);
  };
  const claimed = await lookAtNamespaces(bare, used, leftBehind);
  await permissionsMustSuffice(bare, used, claimed.missing, istio?.namespace);
  const images = await imagesIn(bare, configuration, istio);
  const { nodeCount } = images;
  report.images = [images.set];
  progress.note(`  cluster: ${version}, ${nodeCount} node${nodeCount === 1 ? '' : 's'}; ${describe(istio)}`);
  progress.note(`  target: ${target.kind} (${target.because})`);
  const facts: Existing = {
    istio,
    prepared: claimed.prepared,
    pullSecret,
    dress: {
      labels: labelsOf(runId),
      namespaceLabels: istio?.discovery ?? {},
      pullSecret: pullSecret === undefined ? undefined : pullSecretName,
      unprivilegedImage: images.set.images.curl.reference,
      visibleTo: all.mesh,
    },
  };
  const kube = connect(kubeconfig, facts.dress);
  const cluster: Cluster = {
    runId,
    kubeconfig,
    // istioctl runs in a container on this machine's network, and so reaches what this machine reaches.
    internalKubeconfig: kubeconfig,
    network: 'host',
    containerId: undefined,
    reused: false,
  };
  const before = configuration.installIstio ? await installedByUs(bare) : undefined;
  const close = async (): Promise<void> => {
    await removeRunFolder(runId);
    if (configuration.keep) return;
    await progress.phase('Removing what the run made', async () => {
      await removeOwned(bare, used, runId);
      if (before !== undefined) await uninstallOurs(bare, cluster, images.set, before);
    });
  };
  try {
    const destination = await progress.phase('Namespaces and destination', async () => {
      for (const name of claimed.prepared) await takePrepared(bare, name, runId, leftBehind);
      // PROXY-1 makes the one outside the mesh, as the document does.
      for (const name of claimed.missing) {
        if (name !== all.external) await makeNamespace(kube, name, runId);
      }
      for (const name of used) {
        const there = name !== all.external || claimed.prepared.includes(name);
        if (pullSecret !== undefined && there) await placePullSecret(kube, name, pullSecret);
      }
      if (istio?.accessLogOff === true) await apply(kube, [accessLogIn(all.mesh)]);
      return target.kind === 'hermetic'
        ? startOrigin(kube, images.set.images.origin.reference, target.because, all)
        : destinationOf(target);
    });
    const session: SessionFacts = {
      runId,
      configuration,
      images: images.set,
      others: [],
      cluster,
      destination,
      namespaces: all,
      existing: facts,
      ...(yourProxy === undefined ? {} : { yourProxy }),
      reportFolder: report.folder,
      folder: await makeRunFolder(runId),
    };
    return { facts: session, [Symbol.asyncDispose]: close };
  } catch (error) {
    const evidence = await progress.phase('Evidence', () =>
      collectSetUpEvidence(error, { report, images: images.set, cluster, namespaces: used }),
    );
    progress.note(evidence);
    // What went wrong first is what must be told.
    await close().catch((problem: unknown) => {
      progress.note(`  ${messageOf(problem)}`);
    });
    throw error;
  }
}

/** @throws UsageError when there is none and none is to be installed, or the other way round */
async function istioOf(kube: Kube, configuration: Configuration): Promise<FoundIstio | undefined> {
  const found = await findIstio(kube, configuration.revision);
  if (found === undefined && !configuration.installIstio) {
    throw new UsageError(
      'The cluster has no Istio: no injector (MutatingWebhookConfiguration with app=sidecar-injector)',
      'Install one, or have the run install one and take it away again: --install-istio.',
    );
  }
  if (found !== undefined && configuration.installIstio) {
    throw new UsageError(
      `--install-istio, but the cluster has Istio already: ${describe(found)}`,
      'Leave the flag out: the run then judges the Istio that is there.',
    );
  }
  return found;
}

function describe(istio: FoundIstio | undefined): string {
  if (istio === undefined) return 'no Istio, one is installed for the run';
  const { version = 'of unknown version', revision = 'default', namespace } = istio;
  return `Istio ${version}, revision ${revision} in ${namespace}`;
}

/**
 * The images' references: the cluster's nodes pull them, so nothing is pulled or built here. Their digests are not known
 * before.
 */
async function imagesIn(
  kube: Kube,
  configuration: Configuration,
  istio: FoundIstio | undefined,
): Promise<{ set: ImageSet; nodeCount: number }> {
  const { items: nodes } = await kube.core.listNode();
  const architectures = [...new Set(nodes.map(({ status }) => status?.nodeInfo?.architecture ?? 'amd64'))];
  if (architectures.length > 1) {
    throw new EnvironmentError(
      `The cluster has nodes of several architectures: ${architectures.join(', ')}`,
      'Give images that exist for all of them, by --image ROLE=REFERENCE, and a namespace whose pods go to one kind of node.',
    );
  }
  const architecture: Architecture = architectures[0] === 'arm64' ? 'arm64' : 'amd64';
  const versions = resolveVersions(configuration);
  const { images: asked } = configuration;
  const source = asked === 'source' ? 'source' : 'registry';
  const mirror = asked.startsWith('mirror=') ? asked.slice('mirror='.length) : undefined;
  const references = await referencesOf(
    {
      ...versions,
      source,
      overrides: configuration.image,
      ...(mirror === undefined ? {} : { mirror }),
    },
    architecture,
  );
  const image = (role: Role): ResolvedImage => ({
    role,
    reference: references[role],
    source,
    digest: '',
    sizeBytes: 0,
  });
  const set: ImageSet = {
    ...versions,
    source,
    istio: istio?.version ?? versions.istio,
    images: Object.fromEntries(roles.map((role) => [role, image(role)])) as Record<Role, ResolvedImage>,
    archive: { path: '', digest: '', sizeBytes: 0 },
  };
  return { set, nodeCount: nodes.length };
}

/** Istio's access log for one namespace, where the mesh writes none by default. */
function accessLogIn(namespace: string): object {
  return {
    apiVersion: 'telemetry.istio.io/v1',
    kind: 'Telemetry',
    metadata: { name: 'conformance-access-log', namespace },
    spec: { accessLogging: [{ providers: [{ name: 'envoy' }] }] },
  };
}
