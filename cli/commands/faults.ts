import { Command } from 'commander';
import {
  checkOnly,
  imagesOption,
  istioOption,
  keepOption,
  kubernetesOption,
  reportDirOption,
  reuseOption,
  timeoutScaleOption,
} from '../options.ts';
import { configOption, settingsOf } from '../settings.ts';

interface FaultsFlags {
  readonly list?: true;
  readonly table?: string;
}

export function faultsCommand(): Command {
  return new Command('faults')
    .description('put faults into a mesh, and show which of them the suite catches')
    .argument('[id...]', 'faults to try; all when none is given')
    .option('--list', 'list the faults and end')
    .option('--table <file>', 'write the results as a Markdown table')
    .addOption(istioOption())
    .addOption(kubernetesOption())
    .addOption(imagesOption())
    .addOption(keepOption())
    .addOption(reuseOption())
    .addOption(timeoutScaleOption())
    .addOption(reportDirOption())
    .addOption(configOption())
    .action(async (ids: string[], { list, table }: FaultsFlags, command: Command) => {
      const { faultsMustExist, listFaults, tryFaults } = await import('../faults.ts');
      if (list === true) {
        listFaults();
        return;
      }
      const { argumentsMustBeValid } = await import('../run.ts');
      const { values: configuration } = (await settingsOf(command)).run;
      faultsMustExist(ids);
      await argumentsMustBeValid(configuration);
      if (checkOnly) return;
      process.exitCode = await tryFaults({ configuration, ids, ...(table === undefined ? {} : { table }) });
    });
}
