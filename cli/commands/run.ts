import { Command } from 'commander';
import { closest } from 'fastest-levenshtein';
import { maxClients, maxRepeat, maxTunnels, maxWaves } from '../../helpers/configuration/configuration.ts';
import { UsageError } from '../../helpers/errors.ts';
import { countTo } from '../count.ts';
import { withSurroundings } from '../existing-options.ts';
import {
  checkOnly,
  choice,
  collect,
  failFastOption,
  imageOption,
  imagesOption,
  istioOption,
  jsonOption,
  keepOption,
  kubernetesOption,
  pauseOption,
  quietOption,
  reportDirOption,
  reuseOption,
  timeoutScaleOption,
  verboseOption,
} from '../options.ts';
import { configOption, settingsOf } from '../settings.ts';

/** @param commands Names of all commands: the default command is what a mistyped one ends up as */
export function runCommand(commands: () => readonly string[]): Command {
  return withSurroundings(
    new Command('run')
      .description('run the document (default)')
      // The default command is what a mistyped one ends up as.
      .allowExcessArguments()
      .addOption(istioOption())
      .addOption(kubernetesOption())
      .addOption(imagesOption())
      .addOption(imageOption())
      .addOption(
        choice('--target <destination>', 'what the requests reach', ['auto', 'live', 'hermetic'], 'auto'),
      )
      .addOption(choice('--injection <way>', 'how the sidecar gets into sleep', ['auto', 'manual'], 'auto'))
      .option('--step <id>', 'run this step and what it needs; may be given again', collect, [])
      .option('--grep <pattern>', 'run the steps whose id or title matches, and what they need')
      .addOption(failFastOption())
      .option(
        '--repeat <n>',
        'run the steps so many times on one cluster, and tell how stable they are',
        countTo(maxRepeat),
        1,
      )
      .option('--clients <n>', 'also open tunnels from so many pods at once', countTo(maxClients), 1)
      .option('--tunnels <m>', 'so many at once from each of them', countTo(maxTunnels), 1)
      .option('--waves <w>', 'and so often', countTo(maxWaves), 1)
      .option('--list', 'list the steps and end')
      .addOption(keepOption())
      .addOption(reuseOption())
      .addOption(pauseOption())
      .addOption(timeoutScaleOption())
      .addOption(reportDirOption())
      .addOption(quietOption())
      .addOption(verboseOption())
      .addOption(jsonOption())
      .addOption(configOption())
      .action(async ({ list }: { readonly list?: true }, command: Command) => {
        const [word] = command.args;
        if (word !== undefined) {
          throw new UsageError(
            `There is no command ${word}; the nearest is ${closest(word, commands())}`,
            'The commands: ./conformance --help',
          );
        }
        const { argumentsMustBeValid, checked, listSteps, run } = await import('../run.ts');
        const { run: settings } = await settingsOf(command);
        if (list === true) {
          listSteps(settings.values);
          return;
        }
        await argumentsMustBeValid(settings.values);
        process.exitCode = checkOnly ? checked(settings.values) : await run(settings);
      }),
  );
}
