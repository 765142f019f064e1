import { Command } from 'commander';
import { checkOnly } from '../options.ts';

export function summaryCommand(): Command {
  return new Command('summary')
    .description('the verdicts of the runs below these folders, as Markdown')
    .argument('<folder...>', 'folders that hold reports')
    .action(async (folders: string[]) => {
      const { summary } = await import('../summary.ts');
      if (!checkOnly) await summary(folders);
    });
}
