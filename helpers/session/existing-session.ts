import { encodeOwner, thisProcess } from '../cluster/labels.ts';
import type { Configuration } from '../configuration/configuration.ts';
import { startOrigin } from '../destination/hermetic.ts';
import { EnvironmentError, messageOf } from '../errors.ts';
import { makeNamespace, takePrepared } from '../existing/claim.ts';
import { pullSecretName, type Existing } from '../existing/existing.ts';
import type { FoundIstio } from '../existing/found-istio.ts';
import { readKubeconfig, serverVersion, type ExistingCluster } from '../existing/kubeconfig.ts';
import { removeOwned } from '../existing/owned.ts';
import { labelsOf, processAnnotation } from '../existing/ownership.ts';
import { placePullSecret, readPullSecret } from '../existing/pull-secret.ts';
import { survey } from '../existing/survey.ts';
import { existingCluster } from '../cluster/cluster.ts';
import { EventuallyError } from '../eventually/eventually.ts';
import { late, orLate } from '../eventually/deadline.ts';
import { timeouts } from '../timeouts.ts';
import { installation, recordInstallation, uninstallRecorded } from '../existing/installed.ts';
import { apply, RefusedError } from '../kube/apply.ts';
import { failedWebhook, toldWebhook } from '../kube/webhook.ts';
import { apiMessage, apiStatus, connect } from '../kube/client.ts';
import type { Progress } from '../progress/progress.ts';
import type { Report } from '../report/report.ts';
import { imagesIn, istioctlMustBeThere } from './existing-images.ts';
import { chooseTarget, destinationOf } from './target.ts';
import { makeRunFolder, removeRunFolder, sweepRunFolders } from './folder.ts';
import type { Namespaces } from '../kube/namespaces.ts';
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
  const parts = ['mesh', 'external', ...(target.kind === 'hermetic' ? (['origin'] as const) : [])] as const;
  const used = parts.map((part) => all[part]);
  const { istio, namespaces: claimed } = await survey(
    bare,
    { namespaces: all, used: parts, installs: configuration.installIstio },
    configuration.revision,
  );
  const leftBehind = (what: string): void => {
    progress.note(`  removed what an earlier run left: ${what}`);
  };
  for (const { name, run } of claimed.dead) {
    for (const what of await removeOwned(bare, [name], run)) leftBehind(what);
  }
  const makes = used.filter((name) => !claimed.prepared.includes(name));
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
      namespaceAnnotations: { [processAnnotation]: encodeOwner(thisProcess()) },
      pullSecret: pullSecret === undefined ? undefined : pullSecretName,
      unprivilegedImage: images.set.images.curl.reference,
      visibleTo: all.mesh,
    },
  };
  const kube = connect(kubeconfig, facts.dress);
  const cluster = existingCluster(kubeconfig, runId);
  const remove = async (): Promise<void> => {
    await removeOwned(bare, used, runId);
    const installed = configuration.installIstio ? await installation(bare) : undefined;
    if (installed !== undefined) await uninstallRecorded(bare, cluster, installed);
  };
  const close = async (): Promise<void> => {
    await removeRunFolder(runId);
    await progress.phase('Removing what the run made', () => inTime(remove()));
  };
  try {
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
        await istioctlMustBeThere(images.set, progress);
        await recordInstallation(kube, images.set.images.istioctl.reference);
      }
      if (istio?.accessLogOff === true) await apply(kube, [accessLogIn(all.mesh)]);
      return target.kind === 'hermetic'
        ? startOrigin(kube, images.set.images.origin.reference, target, all.origin)
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
    const told = asEnvironment(error);
    const evidence = await progress.phase('Evidence', () =>
      collectSetUpEvidence(told, { report, images: images.set, cluster, namespaces: used }),
    );
    progress.note(evidence);
    // What went wrong first is what must be told.
    await close().catch((problem: unknown) => {
      progress.note(`  ${messageOf(problem)}`);
    });
    throw told;
  }
}

function describe(istio: FoundIstio | undefined): string {
  if (istio === undefined) return 'no Istio, one is installed for the run';
  const { version = 'of unknown version', revision = 'default', namespace } = istio;
  return `Istio ${version}, revision ${revision} in ${namespace}`;
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

/** What the cluster refused, or did not do in time, before the document began says nothing about Istio. */
function asEnvironment(error: unknown): unknown {
  const foreseen =
    error instanceof EventuallyError || error instanceof RefusedError || apiStatus(error) !== undefined;
  if (!foreseen) return error;
  const webhook = failedWebhook(apiMessage(error));
  return new EnvironmentError(
    webhook === undefined
      ? apiMessage(error)
      : `An admission webhook does not answer: ${toldWebhook(webhook)}`,
    webhook === undefined
      ? 'The cluster does not serve, or refuses what the run needs: see the evidence.'
      : 'Repair or remove the admission webhook that is named.',
    { cause: error, ...(webhook === undefined ? {} : { code: 'WEBHOOK_FAILED' }) },
  );
}

/** What cannot be removed now goes by its label later; a hanging API server must not keep the run from ending. */
async function inTime(work: Promise<void>): Promise<void> {
  const hint = 'When the cluster answers: ./conformance clean --kubeconfig FILE';
  try {
    if ((await orLate(work, timeouts.removal)) !== late) return;
  } catch (error) {
    throw new EnvironmentError(`What the run made could not be removed: ${apiMessage(error)}`, hint, {
      cause: error,
    });
  }
  throw new EnvironmentError(`What the run made was not removed within ${timeouts.removal / 1000} s`, hint);
}
