import { keptKubeconfig } from '../helpers/cluster/kept.ts';
import { sweep } from '../helpers/cluster/sweep.ts';
import type { Configuration } from '../helpers/configuration/configuration.ts';
import { ActionableError, EnvironmentError, exitCodes, messageOf, UsageError } from '../helpers/errors.ts';
import { resolveVersions } from '../helpers/images/versions.ts';
import type { Progress } from '../helpers/progress/progress.ts';
import { duration, terminalProgress } from '../helpers/progress/terminal.ts';
import { Report } from '../helpers/report/report.ts';
import type { Verdict } from '../helpers/report/results.ts';
import { runDocument } from '../helpers/session/document-run.ts';
import { removeRunFolder } from '../helpers/session/folder.ts';
import { newRunId, openSession, type Session } from '../helpers/session/session.ts';
import { documentSteps } from '../suites/document/steps.ts';
import { nearest } from './nearest.ts';

/** `conformance run`: the document, from nothing to a verdict and a report. */
export async function run(configuration: Configuration): Promise<number> {
  const report = new Report(configuration.reportDir, newRunId(), configuration);
  const stopListening = onSignals(report, configuration.keep);
  const write = (line: string): void => {
    process.stdout.write(`${line}\n`);
  };
  write(`Run ${report.runId}: ${describe(configuration)}`);
  const progress = report.recording(terminalProgress());
  let outcome: Outcome;
  try {
    outcome = await runIn(configuration, report, progress, write);
  } catch (error) {
    outcome = outcomeOf(error);
  }
  stopListening();
  const { exitCode, durationMs, steps } = await report.write(outcome.verdict, outcome.reason);
  const failed = steps.filter(({ status }) => status === 'failed').length;
  const skipped = steps.filter(({ status }) => status === 'skipped').length;
  write('');
  if (outcome.reason !== '' && outcome.verdict !== 'not conformant') write(outcome.reason);
  const counts = `${steps.length - failed - skipped} passed, ${failed} failed, ${skipped} skipped`;
  write(`Verdict: ${outcome.verdict} (${counts}, ${duration(durationMs)})`);
  write(`Report:  ${report.folder}`);
  return exitCode;
}

/** @throws UsageError for what can be told without an engine: unknown versions, unsupported pairs, unknown steps */
export function argumentsMustBeValid(configuration: Configuration): void {
  resolveVersions(configuration);
  stepsMustExist(configuration.steps);
}

/** The steps and their order, without running anything. */
export function listSteps(): void {
  for (const { id, section, title } of documentSteps) {
    process.stdout.write(`${id.padEnd(9)} ${section.padEnd(43)} ${title}\n`);
  }
}

interface Outcome {
  readonly verdict: Verdict;
  readonly reason: string;
}

async function runIn(
  configuration: Configuration,
  report: Report,
  progress: Progress,
  write: (line: string) => void,
): Promise<Outcome> {
  const session: Session = await openSession(configuration, report, progress);
  let problems: readonly string[];
  try {
    problems = await runDocument(session.facts, report, write);
  } finally {
    write('');
    await session[Symbol.asyncDispose]();
  }
  if (configuration.keep) {
    write(`The cluster is kept: kubectl --kubeconfig ${keptKubeconfig(session.cluster.runId)} get pods -A`);
    write('Run again on it with --keep; remove it with ./conformance clean');
  }
  if (problems.length > 0) {
    return { verdict: 'environment', reason: `Outside the steps: ${problems.join('; ')}` };
  }
  const failed = report.steps.filter(({ status }) => status === 'failed');
  if (report.steps.length === 0) return { verdict: 'environment', reason: 'No step was run.' };
  if (failed.length === 0) return { verdict: 'conformant', reason: '' };
  const reason = failed
    .map(({ id, findings, reason: why }) => `${id}: ${findings[0]?.cause ?? why.split('\n')[0] ?? 'failed'}`)
    .join('; ');
  return { verdict: 'not conformant', reason };
}

function outcomeOf(error: unknown): Outcome {
  if (!(error instanceof ActionableError)) {
    // Nobody foresaw it, so the stack is what helps.
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { verdict: 'environment', reason: `The run broke: ${text}` };
  }
  const verdict: Verdict = error instanceof UsageError ? 'usage' : 'environment';
  return { verdict, reason: `${error.message}\n${error.hint}` };
}

/**
 * On Ctrl-C or SIGTERM: removes what the run made (a kept cluster stays), writes the report and exits.
 * A second signal exits at once; the next run sweeps then.
 */
function onSignals(report: Report, keep: boolean): () => void {
  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    const code = signal === 'SIGINT' ? exitCodes.interrupted : exitCodes.terminated;
    if (stopping) process.exit(code);
    stopping = true;
    process.stderr.write(`\n${signal}: removing what this run made (again to leave at once)\n`);
    void (async () => {
      try {
        await removeRunFolder(report.runId);
        if (!keep) await sweep({ only: report.runId });
      } catch (error) {
        if (!(error instanceof EnvironmentError)) process.stderr.write(`${messageOf(error)}\n`);
      }
      await report.write('interrupted', `Interrupted by ${signal}`);
      // What was being started while the sweep ran.
      if (!keep) await sweep({ only: report.runId }).catch(() => undefined);
      process.exit(code);
    })();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  return () => {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  };
}

function stepsMustExist(ids: readonly string[]): void {
  const known = documentSteps.map(({ id }) => id);
  for (const id of ids) {
    if (known.includes(id)) continue;
    throw new UsageError(
      `There is no step ${id}; the nearest is ${nearest(id, known)}`,
      'The steps: ./conformance run --list',
    );
  }
}

function describe(configuration: Configuration): string {
  const { istio = 'default', k8s = 'default', images, target, injection, steps, keep } = configuration;
  const parts = [`Istio ${istio}`, `Kubernetes ${k8s}`, `images ${images}`, `target ${target}`];
  if (injection !== 'auto') parts.push(`injection ${injection}`);
  if (steps.length > 0) parts.push(`steps ${steps.join(' ')} and what they need`);
  if (keep) parts.push('keeping the cluster');
  return parts.join(', ');
}
