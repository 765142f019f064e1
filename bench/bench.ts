import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, Option } from 'commander';
import { execa } from 'execa';
import { countTo } from '../cli/options.ts';
import { defaultEdition, editionOf } from '../fixtures/document/editions.ts';
import { inCache } from '../helpers/cache.ts';
import { containerEngine } from '../helpers/engine.ts';
import { decodeOwner, encodeOwner, isAlive, thisProcess } from '../helpers/cluster/labels.ts';
import { controllerArguments, kubeletArguments } from '../helpers/cluster/node-container.ts';
import { storesByUse } from '../helpers/cluster/store.ts';
import { chooseVersions } from '../helpers/images/choose.ts';
import { ensureImageSet } from '../helpers/images/ensure.ts';
import type { ImageSet } from '../helpers/images/roles.ts';
import { settingsFor } from '../helpers/istio/install.ts';
import { duration, terminalProgress } from '../helpers/progress/terminal.ts';
import type { Results } from '../helpers/results/results.ts';
import { benchmark, machine, nothingMustBeKept, publish, removeKept, say, withFolder } from './benchmark.ts';
import { containersWith, suiteRun, timed } from './timed.ts';
import { plotOf, tableOf } from './page.ts';
import {
  type BenchResults,
  type Mode,
  modes,
  type Part,
  ratiosOf,
  type Rival,
  rivals,
  type Sample,
  type Spread,
  spreadOf,
  type Subject,
  subjects,
} from './results.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const resultsFile = join(root, 'bench', 'results.json');
/** How many earlier measurements stay there, by their ratios. */
const remembered = 5;
const label = 'istio-external-proxy-conformance.bench';

interface Bench {
  readonly work: string;
  readonly images: ImageSet;
  readonly environment: Readonly<Record<string, string>>;
  /** The run whose cluster the suite keeps for its warm runs. */
  kept: { readonly runId: string } | undefined;
}

interface Flags {
  readonly runs: number;
  readonly only?: Mode;
}

const program = new Command('bench')
  .description(
    'measures the suite beside a script of the document, to the letter and as quick as it gets (bench/baseline.sh)',
  )
  .option('--runs <n>', 'rounds, each with every kind of run', countTo(50), 2)
  .addOption(new Option('--only <mode>', 'cold or warm runs alone').choices(modes));

await benchmark(program, () => withFolder((work) => main(work, program.opts<Flags>())));

async function main(work: string, { runs, only }: Flags): Promise<void> {
  const wanted = modes.filter((mode) => only === undefined || mode === only);
  await sweepKilled();
  if (wanted.includes('warm')) await nothingMustBeKept();
  const images = await imageSet();
  const bench: Bench = { work, images, environment: await environmentOf(work, images), kept: undefined };
  try {
    const samples = await measured(bench, wanted, runs);
    await conclude(await resultsOf(bench, samples, runs));
  } finally {
    await remove(bench);
  }
}

/** All cold rounds come first: the nodes that stay for the warm ones would be at work beside them. */
async function measured(bench: Bench, wanted: readonly Mode[], runs: number): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (const mode of wanted) {
    say(
      `${mode}: set-up, not measured: ${mode === 'warm' ? 'a run of the suite whose cluster stays, and a node for each script' : 'a run of the suite, which leaves the prepared images'}`,
    );
    await suite(bench, mode, 0);
    if (mode === 'warm') for (const rival of rivals) await script(bench, 'keep', 0, rival);
    for (let round = 1; round <= runs; round += 1) {
      // Neither is always the first of a pair.
      const order = round % 2 === 1 ? subjects : [...subjects].reverse();
      for (const subject of order) {
        const sample = await (subject === 'suite'
          ? suite(bench, mode, round)
          : script(bench, mode, round, subject));
        say(`${mode}, round ${round} of ${runs}: ${subject}: ${duration(sample.durationMs)}`);
        samples.push(sample);
      }
    }
  }
  return samples;
}

async function suite(bench: Bench, mode: Mode, round: number): Promise<Sample> {
  const { istio, kubernetes, source } = bench.images;
  const flags = [
    ...['--target', 'hermetic', '--images', source, '--istio', istio, '--k8s', kubernetes],
    ...(mode === 'warm' ? ['--keep'] : []),
  ];
  const kept = mode === 'warm' ? bench.kept : undefined;
  const { figures, results } = await suiteRun(flags, join(bench.work, 'reports'), kept?.runId);
  if (mode === 'warm') bench.kept ??= results;
  return { subject: 'suite', mode, round, ...figures, parts: partsOfSuite(results) };
}

async function script(bench: Bench, mode: Mode | 'keep', round: number, rival: Rival): Promise<Sample> {
  const name = `${rival}-${mode === 'cold' ? 'cold' : 'kept'}`;
  const folder = join(bench.work, name);
  await mkdir(folder, { recursive: true });
  const taken = await timed(
    [join(root, 'bench', 'baseline.sh'), mode],
    await scriptOf(bench, rival, folder),
    () => containersWith({ name: [`istio-external-proxy-baseline-${name}`] }),
    rival,
  );
  if (mode === 'cold') await rm(folder, { recursive: true, force: true });
  const kept = mode === 'keep' ? 'warm' : mode;
  return { subject: rival, mode: kept, round, ...taken.figures, parts: laps(taken.stdout) };
}

/** The environment of one script's run, in a folder of its own. */
async function scriptOf(
  { environment }: Bench,
  rival: Rival,
  folder: string,
): Promise<Record<string, string>> {
  const own = { ...environment, WORK: folder };
  if (rival === 'script') return own;
  return {
    ...{ ...own, QUICK: 'yes', STORE: (await newestStore()) ?? '' },
    NODE_ARGUMENTS: [...kubeletArguments, ...controllerArguments].join(' '),
  };
}

/** The containerd root that the suite's last run has used; undefined where nodes import the archive. */
async function newestStore(): Promise<string | undefined> {
  // Where nothing was ever prepared there is no such folder.
  const [last] = await storesByUse(inCache('stores')).catch(() => []);
  return last?.folder;
}

function partsOfSuite({ phases, steps }: Results): Part[] {
  const sections = new Map<string, number>();
  for (const { section, durationMs } of steps) {
    sections.set(section, (sections.get(section) ?? 0) + durationMs);
  }
  const parts = phases.map(({ title, durationMs }) => ({ title, durationMs }));
  const removal = parts.filter(({ title }) => title.startsWith('Removing'));
  return [
    ...parts.filter((part) => !removal.includes(part)),
    ...[...sections].map(([title, durationMs]) => ({ title, durationMs })),
    ...removal,
  ];
}

function laps(stdout: string): Part[] {
  const stamps = [...stdout.matchAll(/^lap\t(\S+)\t([\d.]+)$/gm)].map(([, title = '', at]) => ({
    title,
    at: Number(at) * 1000,
  }));
  return stamps.slice(1).map(({ title, at }, index) => ({
    title,
    durationMs: Math.round(at - (stamps[index]?.at ?? at)),
  }));
}

async function imageSet(): Promise<ImageSet> {
  const chosen = await chooseVersions({ images: 'auto' });
  return ensureImageSet({ ...chosen, ...chosen.versions }, terminalProgress());
}

/** The variables that bench/baseline.sh reads; kubectl and istioctl are those of the images, so that both use the same. */
async function environmentOf(
  work: string,
  { images, source, archive, istio }: ImageSet,
): Promise<Record<string, string>> {
  const kubectl = source === 'source' ? '/usr/local/bin/kube' : '/bin/k3s';
  await copyOut(images.k3s.reference, kubectl, join(work, 'kubectl'));
  await copyOut(images.istioctl.reference, '/usr/local/bin/istioctl', join(work, 'istioctl'));
  return {
    NODE_IMAGE: images.k3s.reference,
    ARCHIVE: archive.path,
    KUBECTL: join(work, 'kubectl'),
    ISTIOCTL: join(work, 'istioctl'),
    PILOT_IMAGE: images.pilot.reference,
    PROXY_IMAGE: images.proxyv2.reference,
    CURL_IMAGE: images.curl.reference,
    SQUID_IMAGE: images.squid.reference,
    ORIGIN_IMAGE: images.origin.reference,
    DOCUMENT: join(root, 'fixtures', 'document', defaultEdition),
    CLIENT: editionOf({ edition: defaultEdition }).client,
    LABEL: `${label}=${encodeOwner(thisProcess())}`,
    NODE_ARGUMENTS: kubeletArguments.join(' '),
    ISTIO_SETTINGS: settingsFor({ source, istio })
      .map((setting) => `--set ${setting}`)
      .join(' '),
  };
}

async function copyOut(image: string, path: string, to: string): Promise<void> {
  const { stdout: container } = await execa('docker', ['create', image]);
  try {
    await execa('docker', ['cp', '--follow-link', `${container}:${path}`, to]);
  } finally {
    await execa('docker', ['rm', '--volumes', container]);
  }
}

/** Removes the nodes of a bench that was killed. */
async function sweepKilled(): Promise<void> {
  const { dockerode } = (await containerEngine()).container;
  for (const { Id, Labels } of await dockerode.listContainers({ all: true, filters: { label: [label] } })) {
    const owner = decodeOwner(Labels[label] ?? '');
    if (owner === undefined || !isAlive(owner))
      await dockerode.getContainer(Id).remove({ force: true, v: true });
  }
}

async function remove(bench: Bench): Promise<void> {
  const script = join(root, 'bench', 'baseline.sh');
  for (const rival of rivals) {
    const env = await scriptOf(bench, rival, join(bench.work, `${rival}-kept`));
    await execa(script, ['remove'], { env, reject: false });
  }
  if (bench.kept !== undefined) await removeKept(bench.kept.runId);
}

async function resultsOf(
  { images }: Bench,
  samples: readonly Sample[],
  rounds: number,
): Promise<BenchResults> {
  const of = (mode: Mode, subject: Subject): number[] =>
    samples
      .filter((sample) => sample.mode === mode && sample.subject === subject)
      .sort((a, b) => a.round - b.round)
      .map(({ durationMs }) => durationMs);
  const measured = modes.filter((mode) => of(mode, 'suite').length > 0);
  const ratio = (mode: Mode, rival: Rival): Spread => {
    const suites = of(mode, 'suite');
    return spreadOf(ratiosOf(of(mode, rival).map((each, index) => [each, suites[index] ?? NaN])));
  };
  const before = JSON.parse(await readFile(resultsFile, 'utf8')) as BenchResults;
  const { earlier = [], measuredAt, rounds: roundsBefore, ratios } = before;
  return {
    measuredAt: new Date().toISOString(),
    machine: machine(),
    versions: {
      istio: images.istio,
      kubernetes: images.kubernetes,
      images: images.source,
      node: process.version,
    },
    rounds,
    ratios: Object.fromEntries(
      measured.map((mode) => [mode, Object.fromEntries(rivals.map((rival) => [rival, ratio(mode, rival)]))]),
    ),
    durationMs: Object.fromEntries(
      measured.map((mode) => [
        mode,
        Object.fromEntries(subjects.map((subject) => [subject, spreadOf(of(mode, subject))])),
      ]),
    ),
    earlier: [...earlier, { measuredAt, rounds: roundsBefore, ratios }].slice(-remembered),
    samples,
  };
}

async function conclude(results: BenchResults): Promise<void> {
  await publish('bench', 'results', results, tableOf(results));
  await writeFile(join(root, 'docs', 'performance.svg'), plotOf(results));
  say(
    `the suite by each script: ${JSON.stringify(results.ratios)}; see docs/performance.md and bench/results.json`,
  );
}
