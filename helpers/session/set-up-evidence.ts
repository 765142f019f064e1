import { join } from 'node:path';
import { NodeNotReadyError, nodeOf } from '../cluster/k3s.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { collectEvidence } from '../diagnose/evidence.ts';
import { messageOf } from '../errors.ts';
import type { ImageSet } from '../images/roles.ts';
import type { Report } from '../report/report.ts';
import { evidenceLine, indexOf } from '../report/lines.ts';
import { findingsOf } from '../trip/findings-of.ts';

const bundle = 'evidence/set-up';

/**
 * Collects evidence of a set-up that failed, of what there is by then; to be called before any of it is removed.
 * Never rejects: the set-up's own error is what the run ends with.
 * @returns a line for the user: where it is, or why there is none
 */
export async function collectSetUpEvidence(
  error: unknown,
  run: {
    readonly report: Report;
    readonly images: ImageSet;
    /** Undefined when not even its node became ready. */
    readonly cluster: Cluster | undefined;
    /** Those that may be looked at; all when not given. */
    readonly namespaces?: readonly string[];
  },
): Promise<string> {
  const { report } = run;
  if (report.interrupted) return evidenceLine('none of a run that was interrupted');
  const problem = await collect(error, run).catch(messageOf);
  if (problem !== undefined) return evidenceLine(`could not be collected: ${problem}`);
  report.evidence = bundle;
  return evidenceLine(indexOf(report.folder, bundle));
}

/** @returns why there is no bundle, undefined when there is one */
async function collect(
  error: unknown,
  { report, images, cluster, namespaces }: Parameters<typeof collectSetUpEvidence>[1],
): Promise<string | undefined> {
  const findings = findingsOf(error);
  const files = await collectEvidence({
    folder: join(report.folder, bundle),
    title: `The set-up failed: ${findings[0]?.cause ?? 'UNEXPLAINED'}`,
    cluster,
    containerId: cluster === undefined ? await nodeOf(report.runId).catch(() => undefined) : undefined,
    nodeLog: error instanceof NodeNotReadyError && error.log !== '' ? error.log : undefined,
    images,
    namespaces,
    findings,
    trips: [],
    proxy: undefined,
    message: messageOf(error),
  });
  return files.find(({ file }) => file === 'index.md')?.problem;
}
