import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { createGzip } from 'node:zlib';
import type { V1ConfigMap } from '@kubernetes/client-node';
import { pack } from 'tar-fs';
import { kubeObject } from '../kube/manifests.ts';
import { apply } from '../kube/apply.ts';
import type { Kube } from '../kube/client.ts';
import { labelsOf } from '../existing/ownership.ts';
import type { Results } from '../results/results.ts';

/** A ConfigMap that a run's report is left in. */
export interface ReportPlace {
  readonly namespace: string;
  readonly name: string;
}

/** Entries of that ConfigMap. */
export const reportEntries = {
  /** One line: the verdict, and of one that is not conformant its cause. */
  verdict: 'verdict',
  /** The whole folder as `tar.gz`, evidence included where it fits. */
  archive: 'report.tar.gz',
} as const;

/** An API server takes 1 MiB for all entries of a ConfigMap together; the rest is for its other entries. */
const archiveLimitBytes = 1_000_000;

/** Says that a run has begun, in place of what an earlier one left. @throws RefusedError */
export async function announceReport(kube: Kube, place: ReportPlace, runId: string): Promise<void> {
  await apply(kube, [configMapOf(place, runId, `running: ${runId}`)]);
}

/**
 * Leaves a run's report in a ConfigMap, for whoever cannot reach into the pod that wrote it. What was there before is
 * replaced.
 * @param folder The report's folder
 * @returns what had to be left out for its size, undefined when all of it is there
 * @throws RefusedError when the API server does not take it
 */
export async function storeReport(
  kube: Kube,
  place: ReportPlace,
  { runId, verdict, cause }: Results,
  folder: string,
): Promise<string | undefined> {
  const { archive, without } = await fitting(folder);
  const outcome = cause === undefined ? verdict : `${verdict}: ${cause}`;
  const binaryData = { [reportEntries.archive]: archive.toString('base64') };
  await apply(kube, [{ ...configMapOf(place, runId, outcome), binaryData }]);
  return without;
}

function configMapOf({ namespace, name }: ReportPlace, runId: string, verdict: string): V1ConfigMap {
  const data = { [reportEntries.verdict]: verdict };
  return kubeObject('ConfigMap', { name, namespace, labels: labelsOf(runId) }, { data });
}

/** The folder as an archive that a ConfigMap can hold, without evidence where it is too large with it. */
async function fitting(folder: string): Promise<{ archive: Buffer; without: string | undefined }> {
  const whole = await archiveOf(folder, () => false);
  if (whole.length <= archiveLimitBytes) return { archive: whole, without: undefined };
  const evidence = join(folder, 'evidence');
  const lean = await archiveOf(folder, (path) => path.startsWith(evidence));
  if (lean.length <= archiveLimitBytes) return { archive: lean, without: 'evidence' };
  const kept = new Set([folder, join(folder, 'results.json'), join(folder, 'junit.xml')]);
  const least = await archiveOf(folder, (path) => !kept.has(path));
  return { archive: least, without: 'evidence and page' };
}

async function archiveOf(folder: string, ignore: (path: string) => boolean): Promise<Buffer> {
  return buffer(pack(folder, { ignore }).pipe(createGzip({ level: 9 })));
}
