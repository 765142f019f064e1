import type { Command } from 'commander';
import { CommanderError } from 'commander';
import { stringify } from 'yaml';
import type { Configuration } from '../helpers/configuration/configuration.ts';
import { UsageError } from '../helpers/errors.ts';
import { accountName, rbacObjects } from '../helpers/existing/rbac.ts';
import { jobNamespace, jobObjects, type JobRequest } from '../helpers/job/job-objects.ts';
import { namespacesOf } from '../helpers/session/existing-session.ts';
import { nameMustFit, namespacesMustFit } from '../helpers/session/surroundings.ts';

type JobOptions = Omit<JobRequest, 'serviceAccount'> & {
  /** Namespace of Istio's control plane. */
  readonly system: string;
  /** Only look whether it can be done. */
  readonly checkOnly: boolean;
};

/**
 * `conformance job`: what an administrator applies so that the suite runs inside the cluster.
 * @throws UsageError for names that cannot be, and for flags that `run` does not take there
 */
export async function printJob(configuration: Configuration, options: JobOptions): Promise<void> {
  const { namespace, report, system, runArguments, checkOnly } = options;
  namespacesMustFit(configuration);
  nameMustFit('--job-namespace', namespace);
  nameMustFit('--report-config-map', report);
  const namespaces = namespacesOf(configuration);
  if (Object.values(namespaces).includes(namespace)) {
    throw new UsageError(
      `--job-namespace ${namespace} is a namespace that the run works in`,
      'Choose another one: the run empties its namespaces.',
    );
  }
  await runMustTake(runArguments);
  if (checkOnly) return;
  const places = ['--namespace', namespaces.mesh, '--proxy-namespace', namespaces.external];
  const request: JobRequest = {
    ...options,
    serviceAccount: accountName,
    runArguments: [...places, ...runArguments],
  };
  const objects = [
    jobNamespace(namespace),
    ...rbacObjects({ namespaces, system, accountNamespace: namespace }),
    ...jobObjects(request),
  ];
  process.stdout.write(objects.map((object) => stringify(object, { lineWidth: 0 })).join('---\n'));
}

/** The Job says these itself. */
const taken = [
  '--in-cluster',
  '--kubeconfig',
  '--context',
  '--report-dir',
  '--report-config-map',
  '--namespace',
  '--proxy-namespace',
];

/** @throws UsageError when `run` would refuse the flags inside the cluster, where nobody sees it for a while */
async function runMustTake(runArguments: readonly string[]): Promise<void> {
  const said = runArguments
    .map((argument) => argument.split('=')[0] ?? '')
    .find((name) => taken.includes(name));
  if (said !== undefined) {
    throw new UsageError(`${said} is the Job's to say, not yours`, 'See ./conformance job --help.');
  }
  const { runCommand } = await import('./commands/run.ts');
  const command: Command = runCommand(() => [])
    .exitOverride()
    .configureOutput({ writeErr: () => undefined, writeOut: () => undefined })
    .action(() => undefined);
  try {
    command.parse([...runArguments], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    throw new UsageError(
      `run does not take ${runArguments.join(' ')}: ${error.message.replace(/^error: /, '')}`,
      'The flags of run: ./conformance run --help',
      { cause: error },
    );
  }
  if (command.args.length > 0) {
    throw new UsageError(`run takes no ${command.args.join(' ')}`, 'After -- come flags of run alone.');
  }
}
