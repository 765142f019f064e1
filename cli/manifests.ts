import { CommanderError, type Command } from 'commander';
import { stringify } from 'yaml';
import type { Configuration } from '../helpers/configuration/configuration.ts';
import { UsageError } from '../helpers/errors.ts';
import { accountName, rbacManifest, rbacObjects, type RbacRequest } from '../helpers/existing/rbac.ts';
import { clientNamed } from '../helpers/existing/client-name.ts';
import { jobNamespace, jobObjects, type JobRequest } from '../helpers/job/job-objects.ts';
import { namespacesOf } from '../helpers/session/existing-session.ts';
import { nameMustFit, namespacesMustFit } from '../helpers/session/surroundings.ts';

type JobOptions = Omit<JobRequest, 'serviceAccount'> & {
  readonly system: string;
  /** The command that the Job will call: it checks the flags for it. */
  readonly runCommand: Command;
  readonly checkOnly: boolean;
};

/**
 * `conformance rbac`: what an administrator applies so that a user without rights may run the suite.
 * @throws UsageError for an invalid namespace
 */
export function printRbac(
  configuration: Configuration,
  whom: Omit<RbacRequest, 'namespaces' | 'client'>,
): void {
  namespacesMustFit(configuration);
  const client = clientNamed(configuration);
  process.stdout.write(rbacManifest({ ...whom, client, namespaces: namespacesOf(configuration) }));
}

/**
 * `conformance job`: what an administrator applies so that the suite runs inside the cluster.
 * @throws UsageError for an invalid name, and for flags that `run` does not take there
 */
export function printJob(configuration: Configuration, options: JobOptions): void {
  const { namespace, report, system, runArguments, runCommand, checkOnly } = options;
  namespacesMustFit(configuration);
  nameMustFit('--job-namespace', namespace);
  nameMustFit('--report-config-map', report);
  const namespaces = namespacesOf(configuration);
  if (Object.values(namespaces).includes(namespace)) {
    throw new UsageError(
      `--job-namespace ${namespace} is a namespace that the run works in`,
      'Choose another one: the run empties its own namespaces.',
    );
  }
  runMustTake(runCommand, runArguments);
  if (checkOnly) return;
  const client = clientNamed(runCommand.opts<Pick<Configuration, 'client'>>());
  const places = ['--namespace', namespaces.mesh, '--proxy-namespace', namespaces.external];
  const request: JobRequest = {
    ...options,
    serviceAccount: accountName,
    runArguments: [...places, ...runArguments],
  };
  const objects = [
    jobNamespace(namespace),
    ...rbacObjects({ namespaces, system, client, accountNamespace: namespace }),
    ...jobObjects(request),
  ];
  process.stdout.write(objects.map((object) => stringify(object, { lineWidth: 0 })).join('---\n'));
}

/** The Job sets these itself. */
const taken = [
  '--in-cluster',
  '--kubeconfig',
  '--context',
  '--report-dir',
  '--report-config-map',
  '--namespace',
  '--proxy-namespace',
];

/** @throws UsageError for flags that `run` would refuse later, inside the cluster */
function runMustTake(runCommand: Command, runArguments: readonly string[]): void {
  const said = runArguments
    .map((argument) => argument.split('=')[0] ?? '')
    .find((name) => taken.includes(name));
  if (said !== undefined) {
    throw new UsageError(`The Job sets ${said} itself`, 'Leave it out; see ./conformance job --help.');
  }
  const command = runCommand
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
    throw new UsageError(`run takes no ${command.args.join(' ')}`, 'After -- only flags of run are allowed.');
  }
}
