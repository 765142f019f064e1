import { Command } from 'commander';
import { configurationSchema } from '../../helpers/configuration/configuration.ts';
import { clusterOptions } from '../existing-options.ts';
import { checkOnly } from '../options.ts';

interface CleanFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly inCluster?: true;
  readonly namespace?: string;
  readonly proxyNamespace?: string;
  readonly force?: true;
}

export function cleanCommand(): Command {
  const command = new Command('clean').description(
    'remove kept clusters and what runs left behind, by label, and nothing else',
  );
  for (const option of clusterOptions()) command.addOption(option);
  return command
    .option('--force', 'there also what a run of another machine made, which cannot be asked if it runs')
    .action(async ({ force, ...flags }: CleanFlags) => {
      const { clean } = await import('../clean.ts');
      const configuration = configurationSchema.parse(flags);
      if (!checkOnly) await clean(configuration, force === true);
    });
}
