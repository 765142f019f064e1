import { Command } from 'commander';
import { UsageError } from '../../helpers/errors.ts';
import {
  checkOnly,
  choice,
  failFastOption,
  imagesOption,
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

export function gateCommand(): Command {
  return new Command('gate')
    .description('upgrade a mesh under live traffic, and say whether the upgrade may go out')
    .option('--from <version>', 'version of Istio that the mesh comes from')
    .option('--to <version>', 'version of Istio that it is to go to')
    .addOption(choice('--strategy <way>', 'how it is upgraded', ['canary', 'in-place'], 'canary'))
    .addOption(kubernetesOption())
    .option('--rollback', 'go back after the first namespace of a canary')
    .option('--strict', 'changes of log or configuration that nobody has reviewed are red')
    .option('--allow-unsupported', 'try a pair that Istio does not support')
    .addOption(imagesOption())
    .addOption(failFastOption())
    .addOption(keepOption())
    .addOption(reuseOption())
    .addOption(pauseOption())
    .addOption(timeoutScaleOption())
    .addOption(reportDirOption())
    .addOption(quietOption())
    .addOption(verboseOption())
    .addOption(jsonOption())
    .addOption(configOption())
    .action(async (_flags: unknown, command: Command) => {
      const { gate, gateOf } = await import('../gate.ts');
      const { run, gate: asked } = await settingsOf(command);
      const { from, to, strict, ...pair } = asked.values;
      if (from === undefined || to === undefined) {
        throw new UsageError(
          `The gate needs ${from === undefined ? '--from' : '--to'}: the version of Istio that the mesh ${from === undefined ? 'comes from' : 'is to go to'}`,
          'For example: ./conformance gate --from 1.28.3 --to 1.29.1',
        );
      }
      const { k8s } = run.values;
      const request = await gateOf(
        { from, to, ...pair, ...(k8s === undefined ? {} : { k8s }) },
        { strict },
        run,
      );
      if (!checkOnly) process.exitCode = await gate(request);
    });
}
