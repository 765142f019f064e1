import { randomBytes } from 'node:crypto';
import { makeRunFolder, removeRunFolder, sweepRunFolders } from './folder.ts';
import { containerEngine } from '../engine.ts';
import { dnsMustBeReady, removeCluster, startCluster } from '../cluster/k3s.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { releaseKept } from '../cluster/in-use.ts';
import { sweep } from '../cluster/sweep.ts';
import { editionOf } from '../../fixtures/document/editions.ts';
import type { Configuration } from '../configuration/configuration.ts';
import type { Destination } from '../destination/destination.ts';
import { startOrigin } from '../destination/hermetic.ts';
import { quickDoctor } from '../doctor/quick.ts';
import type { Existing } from '../existing/existing.ts';
import { EnvironmentError, messageOf } from '../errors.ts';
import { late, orLate } from '../eventually/deadline.ts';
import { EventuallyError } from '../eventually/eventually.ts';
import { chooseSourceForAll } from '../images/choose.ts';
import { ensureImageSet } from '../images/ensure.ts';
import { originName } from '../images/references.ts';
import type { ImageSet } from '../images/roles.ts';
import { resolveVersions, type Versions } from '../images/versions.ts';
import type { BegunInstall } from '../istio/begun-install.ts';
import { connect } from '../kube/client.ts';
import type { Progress } from '../progress/progress.ts';
import { timeouts } from '../timeouts.ts';
import type { Report } from '../report/report.ts';
import { originNamespace, type Namespaces } from '../kube/namespaces.ts';
import { existingClusterOf, openExistingSession } from './existing-session.ts';
import { chooseTarget, destinationOf } from './target.ts';
import type { YourProxy } from '../your-proxy/your-proxy.ts';
import { introduceProxy } from './your-proxy.ts';
import { collectSetUpEvidence } from './set-up-evidence.ts';

/** What the tests need to know of the run they are in; plain data, since they run in another process. */
export interface SessionFacts {
  readonly runId: string;
  readonly configuration: Configuration;
  readonly images: ImageSet;
  /** Those of further versions of Istio, where the run is about more than one. */
  readonly others: readonly ImageSet[];
  readonly cluster: Cluster;
  readonly destination: Destination;
  readonly namespaces: Namespaces;
  /** What the run keeps to where the cluster is somebody else's. */
  readonly existing?: Existing;
  /** The user's proxy, where the run deploys none; its credentials are never in a report. */
  readonly yourProxy?: YourProxy;
  /** Absolute path of the run's report folder. */
  readonly reportFolder: string;
  /** Temporary folder of the run, where the document's reader stands. */
  readonly folder: string;
  /** Istio's installation, where it began with the set-up: the first pass finds it there. */
  readonly begunInstall?: BegunInstall;
}

export interface Session extends AsyncDisposable {
  readonly facts: SessionFacts;
}

/** Versions of Istio that one cluster goes through. */
export interface Upgrade {
  readonly from: string;
  readonly to: string;
  readonly kubernetes: string;
}

/** Names a run: the time, so that folders sort; the process and a random part, so that two at once differ. */
export function newRunId(now = new Date()): string {
  const stamp = now.toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
  return `${stamp}-${process.pid}-${randomBytes(2).toString('hex')}`;
}

export interface SessionOptions {
  /** The pair of a gate, checked already: the cluster has the images of both versions. */
  readonly upgrade?: Upgrade;
  /** Begins Istio's installation as soon as the API server answers; it needs neither DNS nor the destination. */
  readonly install?: ((cluster: Cluster, images: ImageSet) => Promise<BegunInstall>) | undefined;
}

/**
 * Everything a pass over the document needs: images, a ready cluster with its destination. Nothing of the
 * document itself, but for Istio where that was asked for.
 * @throws UsageError, EnvironmentError; nothing is left behind then
 */
export async function openSession(
  configuration: Configuration,
  report: Report,
  progress: Progress,
  { upgrade, install }: SessionOptions = {},
): Promise<Session> {
  const existing = existingClusterOf(configuration);
  await quickDoctor(configuration, progress, { ownCluster: existing === undefined });
  if (existing !== undefined) return openExistingSession(existing, configuration, report, progress);
  const all = upgrade === undefined ? [resolveVersions(configuration)] : versionsOf(upgrade);
  const engine = await containerEngine();
  const { operatingSystem, serverVersion } = engine.info.containerRuntime;
  report.engine = `${operatingSystem}, API ${serverVersion}`;
  const swept = await sweep();
  for (const name of [...swept.containers, ...swept.networks, ...(await sweepRunFolders())]) {
    progress.note(`  removed what an earlier run left: ${name}`);
  }
  const [source, target] = await Promise.all([
    chooseSourceForAll(configuration.images, all, configuration.image),
    chooseTarget(configuration),
  ]);
  progress.note(`  images: ${originName(source)} (${source.because})`);
  progress.note(`  target: ${target.kind} (${target.because})`);
  const yourProxy = introduceProxy(configuration, report, progress);
  report.target = { kind: target.kind, because: target.because, url: target.url };
  const sets: ImageSet[] = [];
  const { because: _because, ...origin } = source;
  for (const each of all) {
    sets.push(await ensureImageSet({ ...origin, ...each, overrides: configuration.image }, progress));
  }
  const [images, ...others] = sets;
  if (images === undefined) throw new TypeError('no image set for the versions of the run');
  report.images = sets;
  const cluster = await startClusterIn({ configuration, report, images, others, progress });
  const installing = install?.(cluster, images);
  const installed = Promise.allSettled([installing]);
  const close = async (): Promise<void> => {
    await removeRunFolder(report.runId);
    if (configuration.keep) {
      // A cluster that stays is not left half installed.
      await installed;
      await releaseKept(cluster.runId);
    } else await progress.phase('Removing the cluster', () => inTime(removeCluster(cluster)));
  };
  try {
    const kube = connect(cluster.kubeconfig);
    const destination = await progress.phase('Cluster DNS and destination', async () => {
      const { gitVersion } = await kube.version.getCode();
      report.versions['kubernetes'] = gitVersion;
      const [started] = await Promise.all([
        target.kind === 'hermetic'
          ? startOrigin(kube, images.images.origin.reference, target)
          : destinationOf(target),
        dnsMustBeReady(kube),
      ]);
      return started;
    });
    const begunInstall =
      installing === undefined ? undefined : await progress.phase('Istio', () => installing);
    const folder = await makeRunFolder(report.runId);
    const facts = {
      runId: report.runId,
      configuration,
      images,
      others,
      cluster,
      destination,
      namespaces: { ...editionOf(configuration).namespaces, origin: originNamespace },
      ...(yourProxy === undefined ? {} : { yourProxy }),
      reportFolder: report.folder,
      folder,
      ...(begunInstall === undefined ? {} : { begunInstall }),
    };
    return { facts, [Symbol.asyncDispose]: close };
  } catch (error) {
    const told = asEnvironment(error);
    const evidence = await progress.phase('Evidence', () =>
      collectSetUpEvidence(told, { report, images, cluster }),
    );
    progress.note(evidence);
    // What went wrong first is what must be told.
    await close().catch((problem: unknown) => {
      progress.note(`  ${messageOf(problem)}`);
    });
    throw told;
  }
}

function versionsOf({ from, to, kubernetes }: Upgrade): Versions[] {
  return [from, to].map((istio) => ({ istio, kubernetes }));
}

async function startClusterIn(run: {
  readonly configuration: Configuration;
  readonly report: Report;
  readonly images: ImageSet;
  readonly others: readonly ImageSet[];
  readonly progress: Progress;
}): Promise<Cluster> {
  const { configuration, report, images, others, progress } = run;
  let evidence: string | undefined;
  try {
    return await progress.phase('Cluster', (detail) =>
      startCluster({
        runId: report.runId,
        images,
        others,
        keep: configuration.keep,
        reuse: configuration.reuse,
        injection: configuration.injection,
        report: detail,
        beforeRemoval: async (error) => {
          detail('collecting evidence');
          evidence = await collectSetUpEvidence(error, { report, images, cluster: undefined });
        },
      }),
    );
  } catch (error) {
    // Not before the phase is over: a terminal has its spinner on the line until then.
    if (evidence !== undefined) progress.note(evidence);
    throw error;
  }
}

/** What was waited for in vain before the document began says nothing about Istio. */
function asEnvironment(error: unknown): unknown {
  if (!(error instanceof EventuallyError)) return error;
  return new EnvironmentError(
    error.message,
    'The cluster is up but does not serve: see the evidence; is the machine overloaded?',
    { cause: error },
  );
}

/** A hanging engine must not keep a run from ending; what is left then goes by its label. */
async function inTime(work: Promise<void>): Promise<void> {
  if ((await orLate(work, timeouts.cleanUp)) !== late) return;
  throw new EnvironmentError(
    `The cluster was not removed within ${timeouts.cleanUp / 1000} s`,
    'See whether the container engine still answers, then: ./conformance clean',
  );
}
