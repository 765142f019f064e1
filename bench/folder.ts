import { makeRunFolder, removeRunFolder, sweepRunFolders } from '../helpers/session/folder.ts';
import { newRunId } from '../helpers/session/session.ts';

/** Runs `work` with an empty temporary folder; one that a killed process left goes with the next, or with a run. */
export async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  await sweepRunFolders();
  const id = newRunId();
  try {
    return await work(await makeRunFolder(id));
  } finally {
    await removeRunFolder(id);
  }
}
