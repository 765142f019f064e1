import { keptInUse } from '../helpers/cluster/in-use.ts';
import { forgetUnusedKept } from '../helpers/cluster/kept.ts';
import { sweep } from '../helpers/cluster/sweep.ts';
import type { Configuration } from '../helpers/configuration/configuration.ts';
import { UsageError } from '../helpers/errors.ts';
import { cleanExisting } from '../helpers/existing/clean.ts';
import { existingClusterOf, namespacesOf } from '../helpers/session/existing-session.ts';
import { sweepRunFolders } from '../helpers/session/folder.ts';
import { surroundingsMustFit } from '../helpers/session/surroundings.ts';

/**
 * `conformance clean`: removes kept clusters and leftovers of runs, by label, and nothing else; with a kubeconfig, in that
 * cluster.
 * @throws UsageError for flags that do not fit together
 */
export async function clean(configuration: Configuration, force: boolean): Promise<void> {
  surroundingsMustFit(configuration);
  const existing = existingClusterOf(configuration);
  if (existing === undefined) {
    if (force) {
      throw new UsageError(
        '--force needs an existing cluster: add --kubeconfig FILE',
        'On this machine clean knows which runs are alive.',
      );
    }
    print(await cleanEngine());
    return;
  }
  const { removed, left } = await cleanExisting(existing, Object.values(namespacesOf(configuration)), force);
  for (const what of left) process.stdout.write(`left alone: ${what}\n`);
  print([...removed, ...(await sweepRunFolders())]);
}

async function cleanEngine(): Promise<readonly string[]> {
  const { containers, networks } = await sweep({ kept: true });
  await forgetUnusedKept();
  for (const [runId, { pid }] of await keptInUse()) {
    process.stdout.write(`left alone: kept cluster of run ${runId}, in use by process ${pid}\n`);
  }
  return [...containers, ...networks, ...(await sweepRunFolders())];
}

function print(removed: readonly string[]): void {
  process.stdout.write(
    removed.length === 0
      ? 'Nothing to remove.\n'
      : `${removed.map((name) => `removed ${name}`).join('\n')}\n`,
  );
}
