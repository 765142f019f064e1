import { Argument, Command } from 'commander';

/** @param program What is completed */
export function completionCommand(program: () => Command): Command {
  return new Command('completion')
    .description('print what makes a shell complete this program: eval "$(./conformance completion bash)"')
    .addArgument(new Argument('<shell>', 'bash, zsh or fish').choices(['bash', 'zsh', 'fish']))
    .action(async (shell: 'bash' | 'zsh' | 'fish') => {
      const { completion } = await import('../completion.ts');
      process.stdout.write(completion(shell, program()));
    });
}
