import { Command } from 'commander';
import { UsageError } from '../../helpers/errors.ts';
import { checkOnly } from '../options.ts';

interface ReportFlags {
  readonly compare?: true;
  readonly open?: true;
  readonly output?: string;
}

export function reportCommand(): Command {
  return new Command('report')
    .description("make a run's page again from its results.json, or compare two runs")
    .argument('[run...]', "a run's report folder, or its results.json (default: reports/latest)")
    .option('--compare', 'what differs between two runs, the earlier one first')
    .option('--open', 'open the page in a browser')
    .option('--output <file>', 'write the page there, and not into the report folder')
    .action(async (runs: string[], { compare, open, output }: ReportFlags) => {
      const [first = 'reports/latest', second, ...more] = runs;
      const choice = { open: open === true, ...(output === undefined ? {} : { output }) };
      if (compare === true) {
        if (runs.length !== 2 || second === undefined) {
          throw new UsageError(
            `--compare takes two runs, not ${runs.length}.`,
            'report --compare BEFORE AFTER, each a report folder or its results.json',
          );
        }
        const { comparePage } = await import('../report.ts');
        if (!checkOnly) await comparePage(first, second, choice);
        return;
      }
      if (second !== undefined) {
        throw new UsageError(
          `report makes the page of one run, not of ${2 + more.length}.`,
          'To compare two: report --compare BEFORE AFTER',
        );
      }
      const { remakePage } = await import('../report.ts');
      if (!checkOnly) await remakePage(first, choice);
    });
}
