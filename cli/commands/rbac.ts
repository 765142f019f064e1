import { Command } from 'commander';
import { configurationSchema } from '../../helpers/configuration/configuration.ts';
import { istioSystem } from '../../helpers/istio/revision.ts';
import { checkOnly } from '../options.ts';

interface RbacFlags {
  readonly namespace?: string;
  readonly proxyNamespace?: string;
  readonly istioNamespace: string;
  readonly user?: string;
}

export function rbacCommand(): Command {
  return new Command('rbac')
    .description(
      'print the namespaces and the least permissions of a run with --kubeconfig, for kubectl apply',
    )
    .option('--namespace <name>', 'namespace of the client in the mesh (conformance-mesh)')
    .option('--proxy-namespace <name>', 'namespace of the proxy (conformance-external)')
    .option('--istio-namespace <name>', "namespace of Istio's control plane", istioSystem)
    .option('--user <name>', 'for this user, instead of a service account')
    .action(async ({ istioNamespace: system, user, ...flags }: RbacFlags) => {
      const { printRbac } = await import('../rbac.ts');
      const configuration = configurationSchema.parse(flags);
      if (!checkOnly) printRbac(configuration, { system, ...(user === undefined ? {} : { user }) });
    });
}
