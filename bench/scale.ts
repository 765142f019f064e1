import { writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { Command, InvalidArgumentError } from 'commander';
import { containerEngine } from '../helpers/engine.ts';
import { configurationSchema } from '../helpers/configuration/configuration.ts';
import { EnvironmentError } from '../helpers/errors.ts';
import { terminalProgress } from '../helpers/progress/terminal.ts';
import { Report } from '../helpers/report/report.ts';
import { loadOf, type Load } from '../helpers/scale/load.ts';
import { documentSteps } from '../helpers/session/run-steps.ts';
import { onSignals } from '../helpers/session/interrupt.ts';
import { planOf } from '../helpers/session/proxy.ts';
import { newRunId } from '../helpers/session/session.ts';
import { openSession } from '../helpers/session/open-session.ts';
import { Telling } from '../helpers/session/telling.ts';
import { benchmark, machine, publish, say } from './benchmark.ts';
import { watchMemory } from './memory.ts';
import { attributionCosts } from './scale-attribution.ts';
import { type Figure, figureOf } from './scale-figures.ts';
import { plotOf, type ScaleResults, tableOf } from './scale-page.ts';

/**
 * `npm run bench:scale`: SCALE-1 with one load after the other on one cluster. Writes bench/scale.json, docs/scale.svg
 * and the table in docs/performance.md; `npm run bench:scale -- 2x3x1 50x10x1` measures these loads and writes nothing.
 */
const points = ['1x2x1', '5x4x1', '10x10x1', '20x10x1', '25x20x1', '25x20x2', '25x20x4', '50x10x4'];
const base = configurationSchema.parse({ target: 'hermetic', steps: ['SCALE-1'] });

const program = new Command('bench:scale')
  .description('measures the suite under one load after the other, on one cluster')
  .argument(
    '[loads...]',
    'PODSxTUNNELSxWAVES; those of docs/performance.md, which is written then, if none is given',
    (text: string, before: readonly Load[] | undefined) => [...(before ?? []), loadFrom(text)],
  );

await benchmark(program, () => main(program.processedArgs[0] as readonly Load[] | undefined));

async function main(own: readonly Load[] = []): Promise<void> {
  // Each load is a run of vitest in this process, and each leaves its listeners.
  process.setMaxListeners(0);
  const { figures, images } = await measure(own.length > 0 ? own : points.map(loadFrom));
  if (own.length === 0) {
    const results: ScaleResults = {
      ...{ at: new Date().toISOString(), machine: machine(), images },
      ...{ figures, attribution: attributionCosts() },
    };
    await writeFile(new URL('../docs/scale.svg', import.meta.url), plotOf(figures));
    await publish('bench:scale', 'scale', results, tableOf(results));
  }
  const failed = figures.filter(({ status, limit }) => status !== 'passed' && limit === undefined);
  if (failed.length > 0) {
    throw new EnvironmentError(
      `${failed.length} of ${figures.length} loads neither passed nor met a named limit.`,
      'Their lines above have the status.',
    );
  }
}

async function measure(
  loads: readonly Load[],
): Promise<{ figures: readonly Figure[]; images: ScaleResults['images'] }> {
  const report = new Report(base.reportDir, newRunId(), base);
  await report.open();
  const signals = onSignals({ report, keep: false, opening: () => opening });
  const opening = openSession(planOf(base), report, terminalProgress());
  const session = await opening;
  const { facts } = session;
  const figures: Figure[] = [];
  try {
    for (const [index, load] of loads.entries()) {
      const name = `${load.clients}x${load.tunnels}x${load.waves}`;
      const configuration = { ...base, ...load };
      const of = new Report(base.reportDir, `${report.runId}-${name}`, configuration);
      await of.open();
      const busy = loadavg()[0] ?? 0;
      const over = new AbortController();
      const node = facts.cluster.containerId;
      const memory = watchMemory(
        process.pid,
        () => Promise.resolve(node === undefined ? [] : [node]),
        await containerEngine(),
        over.signal,
      );
      await using steps = await documentSteps(of, new Telling({ verbosity: 'quiet' }));
      await steps.run({
        ...facts,
        ...{ configuration, reportFolder: of.folder },
        cluster: { ...facts.cluster, reused: index > 0 },
      });
      over.abort();
      const { nodeBytes } = await memory;
      const figure = figureOf(load, of.steps, busy, nodeBytes);
      figures.push(figure);
      say(`${name.padEnd(9)} ${JSON.stringify(figure)}`);
    }
  } finally {
    await session[Symbol.asyncDispose]();
  }
  await signals.end();
  return { figures, images: facts.images.source };
}

/** @throws InvalidArgumentError as `--clients`, `--tunnels` and `--waves` would refuse it */
function loadFrom(text: string): Load {
  const [clients, tunnels, waves, ...more] = text.split('x').map(Number);
  const parsed = configurationSchema.safeParse({ clients, tunnels, waves });
  const load = parsed.success ? loadOf(parsed.data) : undefined;
  if (clients === undefined || more.length > 0 || load === undefined) {
    throw new InvalidArgumentError('It must be PODSxTUNNELSxWAVES of more than one trip, e.g. 10x4x1.');
  }
  return load;
}
