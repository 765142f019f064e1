import { Command } from 'commander';
import { configurationSchema } from '../../helpers/configuration/configuration.ts';
import { istioSystem } from '../../helpers/istio/revision.ts';
import { checkOnly, collect } from '../options.ts';

interface JobFlags {
  readonly image: string;
  readonly jobNamespace: string;
  readonly reportConfigMap: string;
  readonly volume?: string;
  readonly imagePullSecret: string[];
  readonly namespace?: string;
  readonly proxyNamespace?: string;
  readonly istioNamespace: string;
}

export function jobCommand(): Command {
  return new Command('job')
    .description('print a Job that runs the suite inside a cluster, with all it needs, for kubectl apply')
    .usage('--image <reference> [options] [-- flags of run]')
    .argument('[flags of run...]', 'after --, e.g. -- --target hermetic')
    .requiredOption('--image <reference>', "the suite's own image, built with the Dockerfile")
    .option('--job-namespace <name>', 'namespace of the Job', 'conformance')
    .option(
      '--report-config-map <name>',
      'ConfigMap of that namespace that gets the report',
      'conformance-report',
    )
    .option('--volume <claim>', 'PersistentVolumeClaim of that namespace that gets the report besides')
    .option(
      '--image-pull-secret <name>',
      'Secret of that namespace to pull the image with; may be given again',
      collect,
      [],
    )
    .option('--namespace <name>', 'namespace of the client in the mesh (conformance-mesh)')
    .option('--proxy-namespace <name>', 'namespace of the proxy (conformance-external)')
    .option('--istio-namespace <name>', "namespace of Istio's control plane", istioSystem)
    .action(async (runArguments: string[], flags: JobFlags) => {
      const { printJob } = await import('../job.ts');
      const { namespace, proxyNamespace, image, jobNamespace, reportConfigMap, volume } = flags;
      const job = {
        image,
        namespace: jobNamespace,
        report: reportConfigMap,
        volume,
        pullSecrets: flags.imagePullSecret,
      };
      const configuration = configurationSchema.parse({ namespace, proxyNamespace });
      await printJob(configuration, { ...job, runArguments, system: flags.istioNamespace, checkOnly });
    });
}
