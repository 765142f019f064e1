import { Command } from 'commander';
import { closest } from 'fastest-levenshtein';
import {
  configurationSchema,
  maxClients,
  maxRepeat,
  maxTunnels,
  maxWaves,
} from '../../helpers/configuration/configuration.ts';
import { UsageError } from '../../helpers/errors.ts';
import type { Overrides } from '../../helpers/images/overrides.ts';
import { countTo } from '../count.ts';
import {
  checkOnly,
  choice,
  collect,
  imageOption,
  imagesOption,
  istioOption,
  keepOption,
  kubernetesOption,
  reportDirOption,
  type ImagesFlag,
} from '../options.ts';

interface RunFlags {
  readonly istio?: string;
  readonly k8s?: string;
  readonly images: ImagesFlag;
  readonly image: Overrides;
  readonly target: string;
  readonly injection: string;
  readonly step: string[];
  readonly repeat: number;
  readonly clients: number;
  readonly tunnels: number;
  readonly waves: number;
  readonly list?: true;
  readonly keep?: true;
  readonly reportDir: string;
}

/** @param commands Names of all commands: the default command is what a mistyped one ends up as */
export function runCommand(commands: () => readonly string[]): Command {
  return (
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
      .addOption(reportDirOption())
      .action(async ({ step, list, ...options }: RunFlags, { args: [word] }: Command) => {
        if (word !== undefined) {
          throw new UsageError(
            `There is no command ${word}; the nearest is ${closest(word, commands())}`,
            'The commands: ./conformance --help',
          );
        }
        const { argumentsMustBeValid, listSteps, run } = await import('../run.ts');
        if (list === true) {
          listSteps();
          return;
        }
        const configuration = configurationSchema.parse({ ...options, steps: step });
        await argumentsMustBeValid(configuration);
        if (!checkOnly) process.exitCode = await run(configuration);
      })
  );
}
