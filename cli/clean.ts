import { keptInUse } from '../helpers/cluster/in-use.ts';
import { forgetUnusedKept } from '../helpers/cluster/kept.ts';
import { sweep } from '../helpers/cluster/sweep.ts';
import { sweepRunFolders } from '../helpers/session/folder.ts';

/** `conformance clean`: removes kept clusters and what runs left behind, by label, and nothing else. */
export async function clean(): Promise<void> {
  const { containers, networks } = await sweep({ kept: true });
  await forgetUnusedKept();
  for (const [runId, { pid }] of await keptInUse()) {
    process.stdout.write(`left alone: kept cluster of run ${runId}, in use by process ${pid}\n`);
  }
  const removed = [...containers, ...networks, ...(await sweepRunFolders())];
  process.stdout.write(
    removed.length === 0
      ? 'Nothing to remove.\n'
      : `${removed.map((name) => `removed ${name}`).join('\n')}\n`,
  );
}
