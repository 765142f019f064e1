import { Command } from 'commander';
import { countTo } from '../cli/options.ts';
import { EnvironmentError } from '../helpers/errors.ts';
import { duration } from '../helpers/progress/terminal.ts';
import { runCheckout } from '../faults/checkout.ts';
import { benchmark, machine, nothingMustBeKept, publish, removeKept, say, stop } from './benchmark.ts';
import { type Optimisation, optimisations } from './optimisations.ts';
import { type Mode, modes, type Spread, spreadOf } from './results.ts';

interface Figure {
  readonly what: string;
  readonly durationMs: Partial<Record<Mode, Spread>>;
}

/**
 * `npm run bench:without`: what each optimisation of the suite saves. Each round runs the whole suite, then copies of the
 * checkout that each lack one optimisation, by an edit of the source. Writes bench/without.json and the table in
 * docs/performance.md.
 */
const whole = 'nothing taken out';
const program = new Command('bench:without')
  .description('measures the suite with each of its optimisations taken out')
  .option('--runs <n>', 'rounds, each with every optimisation', countTo(50), 2);

await benchmark(program, () => main(program.opts<{ runs: number }>().runs));

async function main(rounds: number): Promise<void> {
  await nothingMustBeKept();
  const seen = new Map<string, number[]>();
  let kept: string | undefined;
  try {
    // Not measured: it leaves the cluster for the warm runs, and the images for the cold ones.
    kept = (await measured(undefined, 'warm')).runId;
    for (let round = 1; round <= rounds; round += 1) {
      for (const mode of modes) {
        for (const part of [undefined, ...optimisations]) {
          if (part?.only !== undefined && part.only !== mode) continue;
          const what = part?.what ?? whole;
          const { durationMs } = await measured(part, mode);
          const key = `${mode} ${what}`;
          seen.set(key, [...(seen.get(key) ?? []), durationMs]);
          say(`round ${round} of ${rounds}: ${mode}, without ${what}: ${duration(durationMs)}`);
          // An Istio that was installed otherwise would slow the next one's installation down.
          if (mode === 'warm' && part?.file === 'helpers/istio/install.ts') await measured(undefined, mode);
        }
      }
    }
  } finally {
    if (kept !== undefined) await removeKept(kept);
  }
  const figures = [whole, ...optimisations.map(({ what }) => what)].map((what): Figure => {
    const all = modes.flatMap((mode) => {
      const samples = seen.get(`${mode} ${what}`);
      return samples === undefined ? [] : [[mode, spreadOf(samples)] as const];
    });
    return { what, durationMs: Object.fromEntries(all) };
  });
  const results = { measuredAt: new Date().toISOString(), machine: machine(), rounds, figures };
  await publish('bench:without', 'without', results, tableOf(results));
}

async function measured(
  part: Optimisation | undefined,
  mode: Mode,
): Promise<{ durationMs: number; runId: string }> {
  stop.signal.throwIfAborted();
  const edits = part === undefined ? {} : { [part.file]: (text: string) => text.replace(part.from, part.to) };
  await using run = await runCheckout({
    args: ['run', '--target', 'hermetic', ...(mode === 'warm' ? ['--keep'] : [])],
    edits,
  });
  const { exitCode, results, stdout, stderr } = run;
  if (exitCode !== 0 || results === undefined) {
    throw new EnvironmentError(
      `The suite without ${part?.what ?? 'anything taken out'} ended with exit code ${exitCode}\n${stdout}\n${stderr}`,
      'What it printed is above: there is nothing to measure.',
    );
  }
  return results;
}

interface Results {
  readonly measuredAt: string;
  readonly machine: Readonly<Record<string, string | number>>;
  readonly rounds: number;
  readonly figures: readonly Figure[];
}

function tableOf({ measuredAt, rounds, figures }: Results): string {
  const [all] = figures;
  const cell = (figure: Figure, mode: Mode): string => {
    const spread = figure.durationMs[mode];
    if (spread === undefined) return '';
    const seconds = (ms: number): string => (ms / 1000).toFixed(1);
    const own = `${seconds(spread.median)} s (${seconds(spread.min)}–${seconds(spread.max)})`;
    const base = all?.durationMs[mode]?.median;
    if (figure === all || base === undefined) return own;
    const more = spread.median - base;
    return `${own}, **${more < 0 ? '−' : '+'}${seconds(Math.abs(more))} s**`;
  };
  const rows = figures.map(
    (figure) => `| ${figure.what} | ${cell(figure, 'cold')} | ${cell(figure, 'warm')} |`,
  );
  return [
    `Measured ${measuredAt.slice(0, 10)}, ${rounds} rounds, by the runs' own clocks. Medians, the smallest and the largest in brackets.`,
    ['| without | cold | warm |', '| --- | --- | --- |', ...rows].join('\n'),
  ].join('\n\n');
}
