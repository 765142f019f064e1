import { writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { containerEngine } from '../helpers/cluster/engine.ts';
import { configurationSchema } from '../helpers/configuration/configuration.ts';
import { terminalProgress } from '../helpers/progress/terminal.ts';
import { Report } from '../helpers/report/report.ts';
import type { Load } from '../helpers/scale/load.ts';
import { runDocument } from '../helpers/session/document-run.ts';
import { onSignals } from '../helpers/session/interrupt.ts';
import { newRunId, openSession } from '../helpers/session/session.ts';
import { Telling } from '../helpers/session/telling.ts';
import { machine } from './machine.ts';
import { watchMemory } from './memory.ts';
import { publish } from './publish.ts';
import { attributionCosts } from './scale-attribution.ts';
import { figureOf, type Figure } from './scale-figures.ts';
import { plotOf } from './scale-plot.ts';
import { tableOf, type ScaleResults } from './scale-table.ts';

/**
 * `npm run bench:scale`: SCALE-1 with one load after the other on one cluster. Figures go to bench/scale.json, the plot
 * to docs/scale.svg and the table to docs/performance.md; `npm run bench:scale -- 2x3x1 50x10x1` measures these loads and writes nothing.
 */
const points = ['1x2x1', '5x4x1', '10x10x1', '20x10x1', '25x20x1', '25x20x2', '25x20x4', '50x10x4'];

const own = process.argv.slice(2);
const loads = (own.length > 0 ? own : points).map(loadFrom);
const base = configurationSchema.parse({ target: 'hermetic', steps: ['SCALE-1'] });
const report = new Report(base.reportDir, newRunId(), base);
await report.open();
const signals = onSignals({ report, keep: false, opening: () => opening });
const opening = openSession(base, report, terminalProgress());
const session = await opening;
const figures: Figure[] = [];
try {
  for (const [index, load] of loads.entries()) {
    const name = `${load.clients}x${load.tunnels}x${load.waves}`;
    const configuration = { ...base, ...load };
    const of = new Report(base.reportDir, `${report.runId}-${name}`, configuration);
    await of.open();
    const busy = loadavg()[0] ?? 0;
    const over = new AbortController();
    const node = session.facts.cluster.containerId;
    const memory = watchMemory(
      process.pid,
      () => Promise.resolve(node),
      await containerEngine(),
      over.signal,
    );
    await runDocument(
      {
        ...session.facts,
        ...{ configuration, reportFolder: of.folder },
        cluster: { ...session.facts.cluster, reused: index > 0 },
      },
      of,
      new Telling({ verbosity: 'quiet' }),
    );
    over.abort();
    const { nodeBytes } = await memory;
    const figure = figureOf(load, of.steps, busy, nodeBytes);
    figures.push(figure);
    process.stdout.write(`${name.padEnd(9)} ${JSON.stringify(figure)}\n`);
  }
} finally {
  await session[Symbol.asyncDispose]();
}
await signals.end();
if (own.length === 0) {
  const attribution = attributionCosts();
  const results: ScaleResults = {
    at: new Date().toISOString(),
    machine: machine(),
    images: session.facts.images.source,
    figures,
    attribution,
  };
  await writeFile(new URL('../docs/scale.svg', import.meta.url), plotOf(figures));
  await publish('bench:scale', 'scale', results, tableOf(results));
}
// A load that found no named limit and yet is not green is a failure of the measurement.
if (figures.some(({ status, limit }) => status !== 'passed' && limit === undefined)) process.exitCode = 1;

function loadFrom(text: string): Load {
  const [clients = 1, tunnels = 1, waves = 1] = text.split('x').map(Number);
  return { clients, tunnels, waves };
}
