import { Command } from 'commander';
import { configurationSchema } from '../../helpers/configuration/configuration.ts';
import {
  checkOnly,
  choice,
  imagesOption,
  istioOption,
  kubernetesOption,
  type ImagesFlag,
} from '../options.ts';

interface DoctorFlags {
  readonly istio?: string;
  readonly k8s?: string;
  readonly images: ImagesFlag;
  readonly target: string;
  readonly json?: true;
}

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('what a run would meet here: engine, machine, network; starts no cluster')
    .addOption(istioOption())
    .addOption(kubernetesOption())
    .addOption(imagesOption())
    .addOption(
      choice('--target <destination>', 'what the requests reach', ['auto', 'live', 'hermetic'], 'auto'),
    )
    .option('--json', 'as JSON: {"checks": [{"id", "status", "message", "hint"}]}')
    .action(async ({ json, ...flags }: DoctorFlags) => {
      const { doctor } = await import('../doctor.ts');
      const asked = configurationSchema.parse(flags);
      if (!checkOnly) process.exitCode = await doctor({ asked, json: json === true });
    });
}
