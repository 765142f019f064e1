import { Command } from 'commander';
import { configurationSchema } from '../../helpers/configuration/configuration.ts';
import type { VersionChoice } from '../images.ts';
import {
  checkOnly,
  imagesOption,
  istioOption,
  keepOption,
  kubernetesOption,
  type ImagesFlag,
} from '../options.ts';

interface FaultsFlags extends VersionChoice {
  readonly images: ImagesFlag;
  readonly list?: true;
  readonly table?: string;
  readonly keep?: true;
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
    .action(async (ids: string[], { list, table, ...options }: FaultsFlags) => {
      const { faultsMustExist, listFaults, tryFaults } = await import('../faults.ts');
      if (list === true) {
        listFaults();
        return;
      }
      const { argumentsMustBeValid } = await import('../run.ts');
      const configuration = configurationSchema.parse(options);
      faultsMustExist(ids);
      await argumentsMustBeValid(configuration);
      if (checkOnly) return;
      process.exitCode = await tryFaults({ configuration, ids, ...(table === undefined ? {} : { table }) });
    });
}
