import { join } from 'node:path';
import type { Cluster } from '../cluster/cluster.ts';
import { NodeNotReadyError } from '../cluster/agents.ts';
import { nodeOf } from '../cluster/k3s.ts';
import { collectEvidence } from '../diagnose/evidence.ts';
import { EnvironmentError, messageOf } from '../errors.ts';
import { late, orLate, EventuallyError } from '../eventually/eventually.ts';
import type { ImageSet } from '../images/roles.ts';
import { RefusedError } from '../kube/apply.ts';
import { apiMessage, apiStatus } from '../kube/client.ts';
import { failedWebhook, toldWebhook } from '../kube/webhook.ts';
import type { Progress } from '../progress/progress.ts';
import type { Report } from '../report/report.ts';
import { evidenceLine, indexOf } from '../report/lines.ts';
import { findingsOf } from '../trip/finding.ts';
import type { Session, SessionFacts } from './session.ts';

/**
 * The last part of opening a session: from a reachable cluster to the facts that the steps need. When it fails,
 * the evidence is collected before `close` removes what was begun.
 * @param hint What to do when the cluster refuses something or does not do it in time
 * @throws whatever `work` throws, as an EnvironmentError where it is the cluster's fault
 */
export async function setUp(
  run: {
    readonly report: Report;
    readonly progress: Progress;
    readonly images: ImageSet;
    readonly cluster: Cluster;
    readonly namespaces?: readonly string[];
    readonly close: () => Promise<void>;
  },
  hint: string,
  work: () => Promise<SessionFacts>,
): Promise<Session> {
  const { progress, close } = run;
  try {
    return { facts: await work(), [Symbol.asyncDispose]: close };
  } catch (thrown) {
    const error = explained(thrown, hint);
    progress.note(await progress.phase('Evidence', () => collectSetUpEvidence(error, run)));
    // The run ends with what went wrong first.
    await close().catch((problem: unknown) => {
      progress.note(`  ${messageOf(problem)}`);
    });
    throw error;
  }
}

/** What the cluster refused, or did not do in time, before the document began says nothing about Istio. */
function explained(error: unknown, hint: string): unknown {
  const byCluster =
    error instanceof EventuallyError || error instanceof RefusedError || apiStatus(error) !== undefined;
  if (!byCluster) return error;
  const webhook = failedWebhook(apiMessage(error));
  if (webhook === undefined) return new EnvironmentError(apiMessage(error), hint, { cause: error });
  return new EnvironmentError(
    `An admission webhook does not answer: ${toldWebhook(webhook)}`,
    'Repair or remove the admission webhook that is named.',
    { cause: error, code: 'WEBHOOK_FAILED' },
  );
}

/**
 * Waits for a removal, but not for ever: a hanging engine or API server must not keep a run from ending. What is left
 * carries the run's label, and `clean` removes it.
 * @throws EnvironmentError when it fails, or takes longer than `limitMs`
 */
export async function removeWithin(
  limitMs: number,
  removal: Promise<void>,
  { what, hint }: { readonly what: string; readonly hint: string },
): Promise<void> {
  try {
    if ((await orLate(removal, limitMs)) !== late) return;
  } catch (error) {
    throw new EnvironmentError(`${what} could not be removed: ${apiMessage(error)}`, hint, {
      cause: error,
      ...(error instanceof EnvironmentError ? { code: error.code } : {}),
    });
  }
  throw new EnvironmentError(`${what} was not removed within ${limitMs / 1000} s`, hint);
}

const bundle = 'evidence/set-up';

/**
 * Collects evidence of a set-up that failed. Call it before anything is removed.
 * Never rejects: the run ends with the set-up's own error.
 * @returns a line for the user: where it is, or why there is none
 */
export async function collectSetUpEvidence(
  error: unknown,
  run: {
    readonly report: Report;
    readonly images: ImageSet;
    /** Undefined when not even its node became ready. */
    readonly cluster: Cluster | undefined;
    /** The namespaces to look at; all when not given. */
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
