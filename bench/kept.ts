import { containerEngine } from '../helpers/engine.ts';
import { forgetUnusedKept } from '../helpers/cluster/kept.ts';
import { labelKeys } from '../helpers/cluster/labels.ts';
import { sweep } from '../helpers/cluster/sweep.ts';
import { UsageError } from '../helpers/errors.ts';

/** @throws UsageError where warm runs would take somebody's cluster */
export async function nothingMustBeKept(): Promise<void> {
  const { dockerode } = (await containerEngine()).container;
  const kept = await dockerode.listContainers({ all: true, filters: { label: [`${labelKeys.kept}=true`] } });
  if (kept.length > 0) {
    throw new UsageError(
      'A kept cluster is there, which the warm runs would use and remove',
      'Remove it first: ./conformance clean',
    );
  }
}

/** Removes the cluster that warm runs kept. */
export async function removeKept(runId: string): Promise<void> {
  await sweep({ only: runId });
  await forgetUnusedKept();
}
