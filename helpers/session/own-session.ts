import { editionOf } from '../../fixtures/document/editions.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { releaseKept } from '../cluster/in-use.ts';
import { dnsMustBeReady, removeCluster, startCluster } from '../cluster/k3s.ts';
import { sweep } from '../cluster/sweep.ts';
import type { Configuration } from '../configuration/configuration.ts';
import { startOrigin } from '../destination/hermetic.ts';
import { containerEngine } from '../engine.ts';
import { checkedGiven } from '../given/check.ts';
import { fingerprintOf, givenLines, givenResults, secretsIn, setOnTop, type Given } from '../given/given.ts';
import { chooseSource, chooseVersions, type ChosenSource } from '../images/choose.ts';
import { ensureImageSet } from '../images/ensure.ts';
import { originName } from '../images/references.ts';
import type { ImageSet } from '../images/roles.ts';
import { endOfSupport, neverRun, type Versions } from '../images/versions.ts';
import { connect } from '../kube/client.ts';
import { originNamespace } from '../kube/manifests.ts';
import type { Progress } from '../progress/progress.ts';
import { keepSecret } from '../redact/redact.ts';
import type { Report } from '../report/report.ts';
import { timeouts } from '../timeouts.ts';
import { makeRunFolder, removeRunFolder, sweepRunFolders } from './folder.ts';
import type { Session, SessionOptions, Upgrade } from './session.ts';
import { collectSetUpEvidence, removeWithin, setUp } from './set-up.ts';
import { chooseTarget, destinationOf } from './target.ts';
import { introduceProxy, type RunPlan } from './proxy.ts';

/**
 * A session in a cluster that the run starts in the container engine here.
 * @throws UsageError, EnvironmentError; nothing is left behind then
 */
export async function openOwnSession(
  plan: RunPlan,
  report: Report,
  progress: Progress,
  { upgrade, install, given: asked }: SessionOptions,
): Promise<Session> {
  const { configuration } = plan;
  const engine = await containerEngine();
  const { operatingSystem, serverVersion } = engine.info.containerRuntime;
  report.engine = `${operatingSystem}, API ${serverVersion}`;
  const swept = await sweep();
  for (const name of [...swept.containers, ...swept.networks, ...(await sweepRunFolders())]) {
    progress.note(`  removed what an earlier run left: ${name}`);
  }
  const [{ source, all, notes }, target] = await Promise.all([
    chosenFor(configuration, upgrade),
    chooseTarget(plan),
  ]);
  report.notes = notes;
  for (const note of notes) progress.note(`  note: ${note}`);
  progress.note(`  images: ${originName(source)} (${source.because})`);
  progress.note(`  target: ${target.kind} (${target.because})`);
  const proxy = introduceProxy(plan, report, progress);
  report.target = { kind: target.kind, because: target.because, url: target.url };
  const sets: ImageSet[] = [];
  const { because: _because, ...origin } = source;
  for (const each of all) {
    sets.push(await ensureImageSet({ ...origin, ...each, overrides: configuration.image }, progress));
  }
  const [images, ...others] = sets;
  if (images === undefined) throw new TypeError('no image set for the versions of the run');
  report.images = sets;
  const given = await givenFor(asked, sets, report, progress);
  const cluster = await startClusterIn({ configuration, report, images, others, progress, given });
  const installing = install?.(cluster, images);
  const installed = Promise.allSettled([installing]);
  const close = async (): Promise<void> => {
    await removeRunFolder(report.runId);
    if (configuration.keep) {
      // A cluster that stays is not left half installed.
      await installed;
      await releaseKept(cluster.runId);
      return;
    }
    await progress.phase('Removing the cluster', () =>
      removeWithin(timeouts.cleanUp, removeCluster(cluster), {
        what: 'The cluster',
        hint: 'See whether the container engine still answers, then: ./conformance clean',
      }),
    );
  };
  const run = { report, progress, images, cluster, close };
  return setUp(
    run,
    'The cluster is up but does not serve: see the evidence; is the machine overloaded?',
    async () => {
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
        proxy,
        reportFolder: report.folder,
        folder,
        ...(begunInstall === undefined ? {} : { begunInstall }),
        ...(given === undefined ? {} : { given }),
      };
      return facts;
    },
  );
}

/** The versions of the run, where their images come from, and what a reader should know of these versions. */
async function chosenFor(
  configuration: Configuration,
  upgrade: Upgrade | undefined,
): Promise<{
  readonly source: ChosenSource;
  readonly all: readonly Versions[];
  readonly notes: readonly string[];
}> {
  const { images, image } = configuration;
  if (upgrade !== undefined) {
    const all = [upgrade.from, upgrade.to].map((istio) => ({ istio, kubernetes: upgrade.kubernetes }));
    const source = await chooseSource(images, all, image);
    return { source, all, notes: notesOf(all) };
  }
  const { versions, versionsBecause, ...source } = await chooseVersions(configuration, image);
  const chosen =
    versionsBecause === undefined
      ? []
      : [`Istio ${versions.istio} on Kubernetes ${versions.kubernetes}: ${versionsBecause}`];
  return { source, all: [versions], notes: [...chosen, ...notesOf([versions])] };
}

function notesOf(all: readonly Versions[]): string[] {
  return all.flatMap(({ istio }) =>
    [endOfSupport(istio), neverRun(istio)].filter((note) => note !== undefined),
  );
}

/**
 * The user's configuration, checked by istioctl of each version.
 * @throws UsageError with file and line for what a version does not take
 */
async function givenFor(
  asked: SessionOptions['given'],
  sets: readonly ImageSet[],
  report: Report,
  progress: Progress,
): Promise<Given | undefined> {
  if (asked === undefined) return undefined;
  keepSecret(secretsIn(asked.given));
  const onTop = setOnTop(asked.base, sets);
  progress.note('  your configuration:');
  for (const line of givenLines(asked.given, onTop)) progress.note(`    ${line}`);
  const { given, warnings } = await progress.phase('Checking your configuration', () =>
    checkedGiven({ ...asked, runId: report.runId }, sets),
  );
  for (const warning of warnings) progress.note(`  istioctl warns: ${warning}`);
  report.given = givenResults(given, onTop);
  return given;
}

async function startClusterIn(run: {
  readonly configuration: Configuration;
  readonly report: Report;
  readonly images: ImageSet;
  readonly others: readonly ImageSet[];
  readonly progress: Progress;
  readonly given: Given | undefined;
}): Promise<Cluster> {
  const { configuration, report, images, others, progress, given } = run;
  // Said once the phase is over: until then a terminal has its spinner on the line.
  const notes: string[] = [];
  try {
    return await progress.phase('Cluster', (detail) =>
      startCluster({
        runId: report.runId,
        images,
        others,
        keep: configuration.keep,
        reuse: configuration.reuse,
        injection: configuration.injection,
        nodes: configuration.nodes,
        given: fingerprintOf(given),
        report: detail,
        note: (line) => notes.push(line),
        beforeRemoval: async (error) => {
          detail('collecting evidence');
          notes.push(await collectSetUpEvidence(error, { report, images, cluster: undefined }));
        },
      }),
    );
  } finally {
    for (const line of notes) progress.note(line);
  }
}
