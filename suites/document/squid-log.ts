import { exec } from '../../helpers/kube/exec.ts';
import { squidLog } from '../../helpers/trip/logs.ts';
import type { Trip } from '../../helpers/trip/statements.ts';
import { fail } from './fail.ts';
import type { World } from './world.ts';

/**
 * Of the deployed Squid: the line that was credited to the trip stands in the log that the document has its reader look at. The suite follows
 * the log as a stream, which goes on when the file is deleted or replaced under it.
 */
export async function lineMustBeInSquidLog(world: World, trip: Trip): Promise<void> {
  const [statement] = trip.proxy ?? [];
  if (statement === undefined || world.session.proxy.kind !== 'deployed') return;
  const pod = world.squidPod.get().metadata?.name ?? '';
  const namespace = world.namespaces.external;
  const script = `test -e ${squidLog} || exit 3; grep -cF -- "$1" ${squidLog}`;
  const command = ['sh', '-c', script, 'sh', statement.line];
  const { exitCode } = await exec(world.kube, { namespace, pod, container: 'squid' }, command);
  if (exitCode === 3)
    fail('PROXY_LOG_GONE', `no file ${squidLog} in pod ${namespace}/${pod}`, `the file ${squidLog}`);
  if (exitCode !== 0) {
    fail(
      'STALE_ONLY',
      `${squidLog} has only other lines than this request's: ${statement.line}`,
      'that line in it',
    );
  }
}
