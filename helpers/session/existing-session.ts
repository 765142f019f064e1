import type { V1Node } from '@kubernetes/client-node';
import { closest } from 'fastest-levenshtein';
import { existingCluster } from '../cluster/cluster.ts';
import { encodeOwner, thisProcess } from '../cluster/labels.ts';
import type { Configuration } from '../configuration/configuration.ts';
import { startOrigin } from '../destination/hermetic.ts';
import type { Architecture } from '../engine.ts';
import { EnvironmentError, UsageError } from '../errors.ts';
import { makeNamespace, takePrepared } from '../existing/claim.ts';
import { clientNamed, type ClientName } from '../existing/client-name.ts';
import {
  addCurl,
  endCurl,
  findClient,
  toldAddition,
  type ClientPod,
  type FoundClient,
} from '../existing/client-pod.ts';
import { pullSecretName, type Existing } from '../existing/existing.ts';
import type { FoundIstio } from '../existing/found-istio.ts';
import {
  imageMustBeThere,
  installation,
  recordInstallation,
  uninstallRecorded,
} from '../existing/installed.ts';
import {
  askingApi,
  proxyTo,
  readKubeconfig,
  serverVersion,
  type ExistingCluster,
} from '../existing/kubeconfig.ts';
import { removeOwned } from '../existing/owned.ts';
import { labelsOf, processAnnotation } from '../existing/ownership.ts';
import { placePullSecret, readPullSecret } from '../existing/pull-secret.ts';
import { ephemeralMustBeAllowed } from '../existing/permissions.ts';
import { survey } from '../existing/survey.ts';
import { ensureImageSet } from '../images/ensure.ts';
import { referencesOf } from '../images/references.ts';
import { roles, type ImageSet, type ResolvedImage, type Role } from '../images/roles.ts';
import { resolveVersions } from '../images/versions.ts';
import { connect, type Kube } from '../kube/client.ts';
import type { Namespaces } from '../kube/manifests.ts';
import type { Progress } from '../progress/progress.ts';
import type { Report } from '../report/report.ts';
import { timeouts } from '../timeouts.ts';
import { countingAnnotations } from '../trip/counters.ts';
import { makeRunFolder, removeRunFolder, sweepRunFolders } from './folder.ts';
import type { Session, SessionOptions } from './session.ts';
import { removeWithin, setUp } from './set-up.ts';
import { originSuffix } from './surroundings.ts';
import { chooseTarget, destinationOf } from './target.ts';
import { introduceProxy, type RunPlan } from './proxy.ts';

/** The cluster that a configuration names, undefined when the run starts one. */
export function existingClusterOf(configuration: Configuration): ExistingCluster | undefined {
  const { kubeconfig, context, inCluster } = configuration;
  if (inCluster) return 'in-cluster';
  if (kubeconfig === undefined) return undefined;
  return context === undefined ? { kubeconfig } : { kubeconfig, context };
}

/** The namespaces of a run in an existing cluster. */
export function namespacesOf({ namespace, proxyNamespace }: Configuration): Namespaces {
  return { mesh: namespace, external: proxyNamespace, origin: `${proxyNamespace}${originSuffix}` };
}

/**
 * A session in an existing cluster. The run touches its own namespaces and nothing else, and labels everything in them.
 * @throws UsageError, EnvironmentError; nothing is left behind then
 */
export async function openExistingSession(
  existing: ExistingCluster,
  plan: RunPlan,
  report: Report,
  progress: Progress,
  { theirUpgrade = false }: Pick<SessionOptions, 'theirUpgrade'> = {},
): Promise<Session> {
  const { configuration } = plan;
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
  const target = await chooseTarget(plan);
  const proxy = introduceProxy(plan, report, progress);
  report.target = { kind: target.kind, because: target.because, url: target.url };
  const all = namespacesOf(configuration);
  const parts = ['mesh', 'external', ...(target.kind === 'hermetic' ? (['origin'] as const) : [])] as const;
  const used = parts.map((part) => all[part]);
  const leftBehind = (what: string): void => {
    progress.note(`  removed what an earlier run left: ${what}`);
  };
  const { istio, claimed, found, nodes } = await askingApi(kubeconfig, async () => {
    const client = clientNamed(configuration);
    const { installIstio: installs, revision } = configuration;
    const intended = { namespaces: all, used: parts, installs, upgrades: theirUpgrade, client };
    const { istio, namespaces: claimed } = await survey(bare, intended, revision);
    const found = client === undefined ? undefined : await clientMustAnswer(bare, client);
    await entryMustExist(bare, configuration.entry);
    for (const { name, run } of claimed.dead) {
      for (const what of await removeOwned(bare, [name], run)) leftBehind(what);
    }
    return { istio, claimed, found, nodes: (await bare.core.listNode()).items };
  });
  const makes = used.filter((name) => !claimed.prepared.includes(name));
  const images = await imagesFor(nodes, configuration, istio);
  report.images = [images];
  const { length: count } = nodes;
  progress.note(
    `  cluster: ${version}${proxyTo(bare)}, ${count} node${count === 1 ? '' : 's'}; ${describe(istio)}`,
  );
  progress.note(`  target: ${target.kind} (${target.because})`);
  const facts: Existing = {
    istio,
    prepared: claimed.prepared,
    pullSecret,
    client: undefined,
    dress: {
      labels: labelsOf(runId),
      namespaceLabels: istio?.discovery ?? {},
      outsideLabels: istio?.noInjection ?? {},
      namespaceAnnotations: { [processAnnotation]: encodeOwner(thisProcess()) },
      pullSecret: pullSecret === undefined ? undefined : pullSecretName,
      unprivilegedImage: images.images.curl.reference,
      clientAnnotations: istio === undefined ? {} : countingAnnotations,
      visibleTo: all.mesh,
      // A gate's own clients are there besides.
      entryVisibleTo: found === undefined ? ['.'] : [...(theirUpgrade ? ['.'] : []), found.namespace],
    },
  };
  const kube = connect(kubeconfig, facts.dress);
  const cluster = existingCluster(kubeconfig, runId);
  let client: ClientPod | undefined;
  const remove = async (): Promise<void> => {
    const problem = client === undefined ? undefined : await endCurl(bare, client);
    if (problem !== undefined) progress.note(`  ${client?.label ?? ''} runs on for some hours: ${problem}`);
    await removeOwned(bare, used, runId);
    const installed = configuration.installIstio ? await installation(bare) : undefined;
    if (installed !== undefined) await uninstallRecorded(bare, cluster, installed);
  };
  const close = async (): Promise<void> => {
    await removeRunFolder(runId);
    await progress.phase('Removing what the run made', () =>
      removeWithin(timeouts.removal, remove(), {
        what: 'What the run made',
        hint: 'When the cluster answers: ./conformance clean --kubeconfig FILE',
      }),
    );
  };
  const asks = async (one: FoundClient): Promise<ClientPod> => {
    const { lacks, ...plain } = one;
    if (lacks === undefined) {
      progress.note(`  client: ${one.label}; nothing of it is changed`);
      return { ...plain, added: undefined };
    }
    const image = configuration.clientImage ?? images.images.curl.reference;
    progress.note(toldAddition(one, image));
    return progress.phase('Ephemeral container', () => addCurl(bare, one, image));
  };
  const run = { report, progress, images, cluster, namespaces: used, close };
  return setUp(
    run,
    'The cluster does not serve, or refuses what the run needs: see the evidence.',
    async () => {
      client = found === undefined ? undefined : await asks(found);
      const destination = await progress.phase('Namespaces and destination', async () => {
        for (const name of claimed.prepared) await takePrepared(bare, name, runId, leftBehind);
        // PROXY-1 makes the one outside the mesh, as the document does.
        for (const name of makes) {
          if (name !== all.external) await makeNamespace(kube, name, runId);
        }
        for (const name of used) {
          const there = name !== all.external || claimed.prepared.includes(name);
          if (pullSecret !== undefined && there) await placePullSecret(kube, name, pullSecret);
        }
        if (configuration.installIstio) {
          await istioctlMustBeThere(images, progress);
          await recordInstallation(kube, images.images.istioctl.reference);
        }
        return target.kind === 'hermetic'
          ? startOrigin(kube, images.images.origin.reference, target, all.origin)
          : destinationOf(target);
      });
      return {
        runId,
        configuration,
        images,
        others: [],
        cluster,
        destination,
        namespaces: all,
        existing: { ...facts, client },
        proxy,
        reportFolder: report.folder,
        folder: await makeRunFolder(runId),
      };
    },
  );
}

/** @throws UsageError, EnvironmentError where no request can be sent from the pod that `--client` names */
async function clientMustAnswer(kube: Kube, name: ClientName): Promise<FoundClient> {
  const found = await findClient(kube, name);
  if (found.lacks !== undefined) await ephemeralMustBeAllowed(kube, name);
  return found;
}

function describe(istio: FoundIstio | undefined): string {
  if (istio === undefined) return 'no Istio, one is installed for the run';
  const { version = 'of unknown version', revision = 'default', namespace } = istio;
  return `Istio ${version}, revision ${revision} in ${namespace}`;
}

/** istioctl runs in the engine here, also for an existing cluster. */
async function istioctlMustBeThere(set: ImageSet, progress: Progress): Promise<void> {
  const { source, istio, kubernetes } = set;
  if (source === 'source') await ensureImageSet({ source, istio, kubernetes }, progress);
  else await imageMustBeThere(set.images.istioctl.reference);
}

/** The images' references. The cluster's nodes pull them, so nothing is pulled or built here, and no digest is known. */
async function imagesFor(
  nodes: readonly V1Node[],
  configuration: Configuration,
  istio: FoundIstio | undefined,
): Promise<ImageSet> {
  const architectures = [...new Set(nodes.map(({ status }) => status?.nodeInfo?.architecture ?? 'amd64'))];
  if (architectures.length > 1) {
    throw new EnvironmentError(
      `The cluster has nodes of several architectures: ${architectures.join(', ')}`,
      'Give images that exist for all of them, by --image ROLE=REFERENCE, and a namespace whose pods go to one kind of node.',
    );
  }
  const architecture: Architecture = architectures[0] === 'arm64' ? 'arm64' : 'amd64';
  const { images: asked } = configuration;
  // Nodes of a cluster pull what a registry has: of what can only be built there is nothing for them.
  const versions = resolveVersions({ ...configuration, images: asked === 'auto' ? 'registry' : asked });
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
  return {
    ...versions,
    source,
    istio: istio?.version ?? versions.istio,
    images: Object.fromEntries(roles.map((role) => [role, image(role)])) as Record<Role, ResolvedImage>,
    archive: { path: '', digest: '', sizeBytes: 0 },
  };
}

/**
 * @param entry `auto`, `own` or NAMESPACE/NAME
 * @throws UsageError when the mesh has no ServiceEntry of that name
 */
export async function entryMustExist(kube: Kube, entry: string): Promise<void> {
  if (!entry.includes('/')) return;
  const { items } = await kube.objects.list('networking.istio.io/v1', 'ServiceEntry');
  const names = items.map(({ metadata }) => `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`);
  if (names.includes(entry)) return;
  const nearest = names.length === 0 ? undefined : closest(entry, names);
  throw new UsageError(
    `--entry ${entry}: the mesh has no such ServiceEntry${nearest === undefined ? '' : `; the nearest is ${nearest}`}`,
    'Say NAMESPACE/NAME as kubectl get serviceentries -A lists it, or leave it out: the one that leads to the proxy is found.',
  );
}
