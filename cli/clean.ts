import { forgetAllKept } from '../helpers/cluster/kept.ts';
import { sweep } from '../helpers/cluster/sweep.ts';
import { sweepRunFolders } from '../helpers/session/folder.ts';

/** `conformance clean`: removes kept clusters and what runs left behind, by label, and nothing else. */
export async function clean(): Promise<void> {
  const { containers, networks } = await sweep({ kept: true });
  await forgetAllKept();
  const removed = [...containers, ...networks, ...(await sweepRunFolders())];
  process.stdout.write(
    removed.length === 0
      ? 'Nothing to remove.\n'
      : `${removed.map((name) => `removed ${name}`).join('\n')}\n`,
  );
}
