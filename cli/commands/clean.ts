import { Command } from 'commander';

export function cleanCommand(): Command {
  return new Command('clean')
    .description('remove kept clusters and what runs left behind, by label, and nothing else')
    .action(async () => {
      const { clean } = await import('../clean.ts');
      await clean();
    });
}
