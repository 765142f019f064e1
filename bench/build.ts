import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { execa } from 'execa';
import { engineArchitecture } from '../helpers/engine.ts';
import { ensureImageSet } from '../helpers/images/ensure.ts';
import { planSourceSet } from '../helpers/images/source/build.ts';
import { compilations } from '../helpers/images/source/go.ts';
import { resolveVersions, sourceVersions, type Versions } from '../helpers/images/versions.ts';
import { duration, terminalProgress } from '../helpers/progress/terminal.ts';
import { benchmark, machine, publish, say, stop, withFolder } from './benchmark.ts';
import { type Spread, spreadOf } from './results.ts';

/**
 * `npm run bench:build`: the build of the source image set from nothing, beside the compilation of its binaries alone;
 * then a build when nothing has changed, and one of a further version of Istio. The suite's cache and Go's build cache
 * start empty; Go modules are downloaded beforehand, so that the network's speed does not count. Writes bench/build.json
 * and the table in docs/performance.md. It builds the images again, so the next run writes its archive again.
 */
const launcher = fileURLToPath(new URL('../conformance', import.meta.url));
const unchangedRuns = 5;

interface Built {
  readonly versions: Versions;
  /** What was made. */
  readonly steps: readonly string[];
  readonly totalMs: number;
  /** Of the same binaries by `go build` alone. */
  readonly compileMs: number;
}

interface Results {
  readonly measuredAt: string;
  readonly machine: Readonly<Record<string, string | number>>;
  readonly nothing: Built;
  readonly further?: Built;
  readonly unchangedMs: Spread;
}

interface Flags {
  readonly istio: string | undefined;
  /** False for --no-further. */
  readonly further: string | false;
}

const program = new Command('bench:build')
  .description('measures the build of the source image set')
  .option('--istio <version>', 'the version built from nothing; the default one when not given')
  .option('--further <version>', 'the version of Istio that is added', '1.31.0')
  .option('--no-further', 'add none');

await benchmark(program, () => withFolder((folder) => main(folder, program.opts<Flags>())));

async function main(folder: string, { istio, further }: Flags): Promise<void> {
  const first = resolveVersions({ istio });
  const second = further === false ? undefined : resolveVersions({ istio: further, k8s: first.kubernetes });
  await downloadModules(second === undefined ? [first] : [first, second]);
  process.env['CONFORMANCE_CACHE_DIR'] = join(folder, 'cache');
  const caches = { whole: join(folder, 'whole'), alone: join(folder, 'alone') };
  const nothing = await built(first, caches, { rebuild: true });
  const unchanged: number[] = [];
  for (let run = 0; run < unchangedRuns; run += 1) unchanged.push(await timed(() => unchangedBuild(first)));
  say(`nothing changed: ${unchanged.map((ms) => duration(ms)).join(', ')}`);
  if (second !== undefined) await forget(second);
  const added = second === undefined ? undefined : await built(second, caches, { rebuild: false });
  const results: Results = {
    ...{ measuredAt: new Date().toISOString(), machine: machine() },
    ...{ nothing, unchangedMs: spreadOf(unchanged) },
    ...(added === undefined ? {} : { further: added }),
  };
  await publish('bench:build', 'build', results, tableOf(results));
}

/** The whole build with one compiler cache, and right after it the compilation alone with another. */
async function built(
  versions: Versions,
  caches: { readonly whole: string; readonly alone: string },
  options: { readonly rebuild: boolean },
): Promise<Built> {
  const architecture = await engineArchitecture();
  const { plan } = await planSourceSet(sourceVersions(versions), architecture, options);
  const steps = plan.missing.map(({ name }) => name);
  process.env['GOCACHE'] = caches.whole;
  const totalMs = await timed(() =>
    ensureImageSet({ source: 'source', ...versions, overrides: {} }, terminalProgress(), {
      ...options,
      signal: stop.signal,
    }),
  );
  let compileMs = 0;
  for (const { name, args, cwd, env } of compilations(sourceVersions(versions), architecture)) {
    if (!steps.includes(name)) continue;
    const to = `${caches.alone}-${name}`;
    await mkdir(to);
    const [verb = '', ...rest] = args;
    compileMs += await timed(() =>
      execa('go', [verb, '-o', `${to}/`, ...rest], {
        ...{ cwd, env: { ...env, GOCACHE: caches.alone } },
        cancelSignal: stop.signal,
      }),
    );
    await rm(to, { recursive: true });
  }
  const each = `${duration(totalMs)}, its compilation alone ${duration(compileMs)}`;
  say(`Istio ${versions.istio}, Kubernetes ${versions.kubernetes}: ${each}; made: ${steps.join(', ')}`);
  return { versions, steps, totalMs, compileMs };
}

/** Fills the module cache, which both use. */
async function downloadModules(all: readonly Versions[]): Promise<void> {
  const architecture = await engineArchitecture();
  for (const versions of all) {
    for (const { args, cwd, env } of compilations(sourceVersions(versions), architecture)) {
      await execa('go', ['list', '-deps', ...args.slice(2)], { cwd, env, cancelSignal: stop.signal });
    }
  }
}

/** Removes what an earlier build left of a set in the engine, so that it is built; what others share is built already. */
async function forget(versions: Versions): Promise<void> {
  const architecture = await engineArchitecture();
  const { references } = await planSourceSet(sourceVersions(versions), architecture);
  const own = [references.istioctl, references.pilot, references.proxyv2];
  await execa('docker', ['image', 'rm', '--force', ...own], { reject: false });
}

async function unchangedBuild({ istio, kubernetes }: Versions): Promise<void> {
  await execa(launcher, ['images', 'build', '--istio', istio, '--k8s', kubernetes], {
    cancelSignal: stop.signal,
  });
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return Math.round(performance.now() - start);
}

function tableOf({ measuredAt, nothing, further, unchangedMs }: Results): string {
  const row = (what: string, { versions, steps, totalMs, compileMs }: Built): string => {
    const [istio, kubernetes] = [versions.istio, versions.kubernetes];
    return `| ${what}: Istio ${istio}, Kubernetes ${kubernetes} | ${steps.length} steps | ${duration(totalMs)} | ${duration(compileMs)} | **${(totalMs / compileMs).toFixed(2)}** |`;
  };
  const { median, min, max } = unchangedMs;
  const seconds = (ms: number): string => (ms / 1000).toFixed(1);
  return [
    `Measured ${measuredAt.slice(0, 10)}. The last row is the whole command, the median of ${unchangedRuns}.`,
    [
      '|  | made | whole build | compilation alone | ratio |',
      '| --- | --- | --- | --- | --- |',
      row('from nothing', nothing),
      ...(further === undefined ? [] : [row('a further version', further)]),
      `| nothing changed | 0 steps | ${seconds(median)} s (${seconds(min)}–${seconds(max)}) |  |  |`,
    ].join('\n'),
  ].join('\n\n');
}
