import { Command } from 'commander';
import { configurationSchema } from '../../helpers/configuration/configuration.ts';
import {
  checkOnly,
  choice,
  imagesOption,
  keepOption,
  kubernetesOption,
  reportDirOption,
  type ImagesFlag,
} from '../options.ts';

interface GateFlags {
  readonly from: string;
  readonly to: string;
  readonly strategy: 'canary' | 'in-place';
  readonly k8s?: string;
  readonly rollback?: true;
  readonly strict?: true;
  readonly allowUnsupported?: true;
  readonly images: ImagesFlag;
  readonly keep?: true;
  readonly reportDir: string;
}

export function gateCommand(): Command {
  return new Command('gate')
    .description('upgrade a mesh under live traffic, and say whether the upgrade may go out')
    .requiredOption('--from <version>', 'version of Istio that the mesh comes from')
    .requiredOption('--to <version>', 'version of Istio that it is to go to')
    .addOption(choice('--strategy <way>', 'how it is upgraded', ['canary', 'in-place'], 'canary'))
    .addOption(kubernetesOption())
    .option('--rollback', 'go back after the first namespace of a canary')
    .option('--strict', 'changes of log or configuration that nobody has reviewed are red')
    .option('--allow-unsupported', 'try a pair that Istio does not support')
    .addOption(imagesOption())
    .addOption(keepOption())
    .addOption(reportDirOption())
    .action(async ({ images, keep, reportDir, ...flags }: GateFlags) => {
      const { gate, gateOf } = await import('../gate.ts');
      const { rollback = false, strict = false, allowUnsupported = false, ...pair } = flags;
      const request = await gateOf(
        { ...pair, rollback, allowUnsupported },
        { strict },
        configurationSchema.parse({ images, keep, reportDir }),
      );
      if (!checkOnly) process.exitCode = await gate(request);
    });
}
