import { join } from 'node:path';
import { Command } from 'commander';
import { countTo } from '../cli/options.ts';
import { benchmark, machine, publish, say, withFolder } from './benchmark.ts';
import { megabytes, seconds, wholeSeconds } from './page.ts';
import { median, type Figures } from './results.ts';
import { suiteRun } from './timed.ts';

/**
 * `npm run bench:nodes`: what further nodes cost. Runs of the suite with one node and with more, `--every-node`, one after the
 * other. Writes bench/nodes.json and the table in docs/performance.md.
 */
const counts = [1, 2, 3] as const;

interface Sample extends Figures {
  readonly nodes: number;
  readonly clusterMs: number;
  /** Of NODE-1, which has a client on each node. */
  readonly everyNodeMs: number;
}

const program = new Command('bench:nodes')
  .description('measures runs of the suite on one node and on more')
  .option('--runs <n>', 'rounds, each with every number of nodes', countTo(50), 3);

await benchmark(program, () => withFolder((work) => main(work, program.opts<{ runs: number }>().runs)));

async function main(work: string, rounds: number): Promise<void> {
  const samples: Sample[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    for (const nodes of counts) {
      const sample = await measured(work, nodes);
      say(`round ${round} of ${rounds}: ${nodes} nodes: ${seconds(sample.durationMs)}`);
      samples.push(sample);
    }
  }
  const results = { measuredAt: new Date().toISOString(), machine: machine(), rounds, samples };
  await publish('bench:nodes', 'nodes', results, tableOf(results));
}

async function measured(work: string, nodes: number): Promise<Sample> {
  const flags = ['--target', 'hermetic', '--nodes', String(nodes), '--every-node'];
  const { figures, results } = await suiteRun(flags, join(work, 'reports'));
  const took = (what: { readonly durationMs: number } | undefined): number => what?.durationMs ?? NaN;
  return {
    nodes,
    ...figures,
    clusterMs: took(results.phases.find(({ title }) => title === 'Cluster')),
    everyNodeMs: took(results.steps.find(({ id }) => id === 'NODE-1')),
  };
}

function tableOf({
  measuredAt,
  machine: { cpus = '?' },
  rounds,
  samples,
}: {
  readonly measuredAt: string;
  readonly machine: Readonly<Record<string, string | number>>;
  readonly rounds: number;
  readonly samples: readonly Sample[];
}): string {
  const rows = counts.map((nodes) => {
    const own = samples.filter((sample) => sample.nodes === nodes);
    const cells = [
      String(nodes),
      seconds(median(own.map(({ durationMs }) => durationMs))),
      seconds(median(own.map(({ clusterMs }) => clusterMs))),
      seconds(median(own.map(({ everyNodeMs }) => everyNodeMs))),
      megabytes(own.map(({ nodeBytes }) => nodeBytes)),
      wholeSeconds(own.map(({ nodeCpuSeconds }) => nodeCpuSeconds)),
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [
    `Measured ${measuredAt.slice(0, 10)}, ${rounds} rounds, medians, ${cpus} cpus. All nodes are on that machine.`,
    [
      "| nodes | whole run | the cluster's start | NODE-1 | memory of the nodes, at most | CPU of the nodes |",
      '| --- | --- | --- | --- | --- | --- |',
      ...rows,
    ].join('\n'),
  ].join('\n\n');
}
