import type { V1Pod } from '@kubernetes/client-node';
import type { CauseCode } from '../../helpers/causes/causes.ts';
import { eventually, EventuallyError } from '../../helpers/eventually/eventually.ts';
import { timeouts } from '../../helpers/timeouts.ts';
import { exec } from '../../helpers/kube/exec.ts';
import { SidecarWatch } from '../../helpers/istio/sidecar-watch.ts';
import { deploymentMustBeReady } from '../../helpers/kube/workloads.ts';
import { ConformanceError } from '../../helpers/trip/finding.ts';
import { squidLog } from '../../helpers/trip/logs.ts';
import type { Trip } from '../../helpers/trip/statements.ts';
import type { World } from './world.ts';

/** Fails the step with a named cause, what was seen and what was expected. */
export function fail(cause: CauseCode, seen: string, expected: string): never {
  throw new ConformanceError([{ cause, seen, expected }]);
}

/** Fails the step unless `actual` is `expected`. */
export function mustEqual(cause: CauseCode, what: string, actual: string, expected: string): void {
  if (actual !== expected)
    fail(cause, `${what} is ${actual === '' ? 'empty' : `"${actual}"`}`, `"${expected}"`);
}

/** Fails the step with this cause when `wait` runs out of time. */
export async function waitOrFail<T>(cause: CauseCode, expected: string, wait: () => Promise<T>): Promise<T> {
  try {
    return await wait();
  } catch (error) {
    if (!(error instanceof EventuallyError)) throw error;
    fail(cause, error.message, expected);
  }
}

/** Waits until `condition` no longer throws; `what` the sidecar must do then. */
export function sidecarMust<T>(
  what: string,
  condition: () => Promise<T>,
  { cause = 'LISTENER_DIFFERS', consecutive = 1 }: { cause?: CauseCode; consecutive?: number } = {},
): Promise<T> {
  const expected = `the sidecar to ${what} within ${timeouts.configPush / 1000} s of the change`;
  const options = { timeoutMs: timeouts.configPush, intervalMs: 50, consecutive };
  return waitOrFail(cause, expected, () => eventually(`the sidecar to ${what}`, condition, options));
}

/** The Deployment's ready pod; of several the first. */
export async function workloadMustBeReady(world: World, namespace: string, name: string): Promise<V1Pod> {
  const cause = name === world.edition.proxy.app ? 'PROXY_POD_NOT_READY' : 'WORKLOAD_NOT_READY';
  const watch = new SidecarWatch(world.kube);
  const [pod] = await waitOrFail(cause, `Deployment ${namespace}/${name} is ready`, () =>
    deploymentMustBeReady(world.kube, namespace, name, { hopeless: (pods) => watch.hopeless(pods) }),
  );
  if (pod === undefined) throw new Error('a ready Deployment has no pod');
  return pod;
}

/**
 * Fails the step unless the log of the deployed Squid, which the document shows, has the line of the trip. The suite follows that log as a
 * stream, which goes on when the file is deleted or replaced.
 */
export async function lineMustBeInSquidLog(world: World, trip: Trip): Promise<void> {
  const [statement] = trip.proxy ?? [];
  if (statement === undefined || world.session.proxy.kind !== 'deployed') return;
  const squid = world.squid();
  const script = `test -e ${squidLog} || exit 3; grep -cF -- "$1" ${squidLog}`;
  const { exitCode } = await exec(world.kube, squid, ['sh', '-c', script, 'sh', statement.line]);
  if (exitCode === 3) {
    const seen = `no file ${squidLog} in pod ${squid.namespace}/${squid.pod}`;
    fail('PROXY_LOG_GONE', seen, `the file ${squidLog}`);
  }
  if (exitCode !== 0) {
    const seen = `${squidLog} has only other lines than this request's: ${statement.line}`;
    fail('STALE_ONLY', seen, 'that line in it');
  }
}
