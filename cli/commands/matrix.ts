import { Command, Option } from 'commander';
import { UsageError } from '../../helpers/errors.ts';
import { checkOnly } from '../options.ts';

interface MatrixFlags {
  readonly json?: true;
  readonly discover?: true;
  readonly write?: string;
}

export function matrixCommand(): Command {
  return new Command('matrix')
    .description('the cells and upgrade pairs that fixtures/versions.yaml allows')
    .option('--print', 'as tables (default)')
    .addOption(new Option('--json', 'in one line, as GitHub Actions fans out from it').conflicts('print'))
    .option('--discover', 'instead: the newest releases of Istio and k3s, asked of GitHub (GITHUB_TOKEN)')
    .option('--write <file>', 'with --discover: write a copy of fixtures/versions.yaml that has them')
    .action(async ({ json, discover: wanted, write }: MatrixFlags) => {
      if (write !== undefined && wanted !== true) {
        throw new UsageError('--write belongs to --discover.', 'matrix --discover --write FILE');
      }
      const { discover, printMatrix } = await import('../matrix.ts');
      if (checkOnly) return;
      if (wanted === true) await discover({ json: json === true, ...(write === undefined ? {} : { write }) });
      else printMatrix({ json: json === true });
    });
}
