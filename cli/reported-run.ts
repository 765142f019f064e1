import { join } from 'node:path';
import { keptReachFiles, serves } from '../helpers/cluster/kept.ts';
import { reachCommands } from '../helpers/cluster/reach.ts';
import type { Configuration } from '../helpers/configuration/configuration.ts';
import type { Settings } from '../helpers/configuration/settings.ts';
import { ActionableError, EnvironmentError, messageOf, thrownAs, UsageError } from '../helpers/errors.ts';
import { events } from '../helpers/events/events.ts';
import { Report } from '../helpers/report/report.ts';
import { countsOf } from '../helpers/report/tally.ts';
import { named } from '../helpers/results/verdict.ts';
import type { Outcome, Results } from '../helpers/results/results.ts';
import { onSignals } from '../helpers/session/interrupt.ts';
import type { RunPlan } from '../helpers/session/proxy.ts';
import { openSession } from '../helpers/session/open-session.ts';
import {
  newRunId,
  type Session,
  type SessionFacts,
  type SessionOptions,
} from '../helpers/session/session.ts';
import { isExisting, reportPlaceOf } from '../helpers/session/surroundings.ts';
import { Telling } from '../helpers/session/telling.ts';
import { cancelProject, type Steps } from '../helpers/session/run-steps.ts';
import { scaleTimeouts } from '../helpers/timeouts.ts';
import { settingLines } from './options.ts';
import { onTold } from '../helpers/pause/pause.ts';
import { Errands } from './errands.ts';
import { attendPauses } from './pausing.ts';
import { announceReport, storeReport } from '../helpers/job/stored-report.ts';
import { connect, type Kube } from '../helpers/kube/client.ts';
import { existingClusterOf } from '../helpers/session/existing-session.ts';
import { readKubeconfig } from '../helpers/existing/kubeconfig.ts';

/** What is known of a session when its steps have ended. */
export interface Judged {
  readonly facts: SessionFacts;
  readonly report: Report;
  /** What went wrong outside the steps. */
  readonly problems: readonly string[];
  /** Whether the cluster still answered after the last step. */
  readonly clusterServes: boolean;
}

/** What a run and a gate do differently. */
export interface ReportedRun {
  readonly command: 'run' | 'gate';
  /** What is run, after `Run ID: `. */
  readonly title: string;
  readonly settings: Settings<Configuration>;
  readonly plan: RunPlan;
  /** Ids of the steps, where they are known beforehand. */
  readonly steps?: readonly string[];
  readonly session: SessionOptions;
  /** Begins to load the steps. */
  readonly begin: (report: Report, telling: Telling) => Promise<Steps>;
  /** @throws UsageError when the session is not what the settings say */
  readonly mustFit?: (facts: SessionFacts) => Promise<void>;
  readonly verdict: (judged: Judged) => Outcome;
  /** Adds to the report what is known once the results are. */
  readonly complete?: (results: Results, report: Report, telling: Telling) => Promise<void>;
  readonly closing: (results: Results) => readonly string[];
}

/**
 * Opens a report and a session, judges in it, writes the report and closes: what run and gate have in common. Whatever
 * goes wrong on the way, and whatever signal comes, there is a report and a verdict.
 * @returns the exit code
 */
export async function runReported(run: ReportedRun): Promise<number> {
  const { values: configuration, origins } = run.settings;
  scaleTimeouts(configuration.timeoutScale);
  const report = new Report(configuration.reportDir, newRunId(), configuration);
  report.origins = origins;
  await report.open();
  const telling = new Telling(configuration);
  tellStart(run, report);
  const errands = new Errands();
  let opening: Promise<Session> | undefined;
  const ended = (results: Results): void => {
    tellEnd(results, report);
  };
  const signals = onSignals({
    report,
    keep: configuration.keep,
    opening: () => opening,
    existing: isExisting(configuration)
      ? {
          // What a user's command left is looked at before the run ends.
          cancel: () => (errands.interrupt() ? Promise.resolve() : cancelProject()),
        }
      : undefined,
    ended,
  });
  telling.mention(`${run.command === 'gate' ? 'Gate' : 'Run'} ${report.runId}: ${run.title}`);
  if (telling.verbose) for (const line of settingLines(run.settings)) telling.say(line);
  const progress = report.recording(telling.progress());
  let outcome: Outcome;
  try {
    await announce(configuration, report);
    await using steps = await run.begin(report, telling);
    opening = openSession(run.plan, report, progress, run.session);
    outcome = await judgeIn(await opening, run, steps, { report, telling, errands });
  } catch (error) {
    outcome = outcomeOf(error);
  }
  await signals.end();
  const results = await report.write(outcome);
  await run.complete?.(results, report, telling);
  ended(results);
  for (const line of run.closing(results)) (line === '' ? telling.mention : telling.say)(line);
  telling.say(`Report:  ${report.folder}`);
  const left = await leave(configuration, results, report);
  if (left !== undefined) telling.say(left);
  return results.exitCode;
}

async function judgeIn(
  session: Session,
  { mustFit, verdict }: ReportedRun,
  steps: Steps,
  { report, telling, errands }: { report: Report; telling: Telling; errands: Errands },
): Promise<Outcome> {
  const { facts } = session;
  let problems: readonly string[];
  let clusterServes: boolean;
  try {
    using _pauses = attendPauses(facts);
    using _told = onTold(facts.runId, telling.say);
    using _errands = errands.attend(facts, report, telling.say);
    await mustFit?.(facts);
    problems = report.interrupted ? [] : await steps.run(facts);
    clusterServes = await serves(facts.cluster);
  } finally {
    telling.mention('');
    await session[Symbol.asyncDispose]();
    if (facts.configuration.keep) for (const line of keptLines(facts)) telling.mention(line);
  }
  return verdict({ facts, report, problems, clusterServes });
}

/** The verdict of a run that an error ended. */
export function outcomeOf(error: unknown): Outcome {
  if (!(error instanceof ActionableError)) {
    // An error without a hint is a defect, so the stack helps most.
    const text = error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
    return { verdict: 'environment', cause: 'ENVIRONMENT', reason: `The run broke: ${text}` };
  }
  const reason = `${error.message}\n${error.hint}`;
  if (error instanceof UsageError) return { verdict: 'usage', reason };
  const cause = error instanceof EnvironmentError ? error.code : 'ENVIRONMENT';
  return { verdict: 'environment', cause, reason: `${named(cause)}\n${reason}` };
}

function keptLines({ cluster, images, others, configuration }: SessionFacts): string[] {
  const istio = [images, ...others].map((set) => set.istio).join(' → ');
  const { nodes } = configuration;
  return [
    `The cluster is kept (Istio ${istio}, Kubernetes ${images.kubernetes}, run ${cluster.runId}). From a shell:`,
    ...reachCommands(keptReachFiles(cluster.runId), cluster, images).map((line) => `  ${line}`),
    `Run again on it:  ./conformance --reuse${nodes === 1 ? '' : ` --nodes ${nodes}`}`,
    'Remove it:        ./conformance clean',
    '',
  ];
}

function tellStart({ command, settings, steps }: ReportedRun, { runId, folder }: Report): void {
  events.run = runId;
  events.emit({
    type: 'run-started',
    command,
    report: folder,
    configuration: settings.values,
    origins: { ...settings.origins },
    ...(steps === undefined ? {} : { steps: [...steps] }),
  });
}

function tellEnd(results: Results, { folder }: Report): void {
  const { verdict, exitCode, cause, reason, steps, durationMs, evidence } = results;
  if (evidence !== undefined) events.emit({ type: 'evidence', folder: join(folder, evidence) });
  events.emit({
    type: 'verdict',
    verdict,
    exitCode,
    ...(cause === undefined ? {} : { cause }),
    reason,
    ...countsOf(steps),
    durationMs,
    report: folder,
    results: join(folder, 'results.json'),
  });
}

/**
 * Writes to the ConfigMap of --report-config-map that a run has begun: readers no longer find an earlier run's verdict
 * there, and a ConfigMap that cannot be written is known before anything slow.
 * @throws EnvironmentError when it cannot be written
 */
async function announce(configuration: Configuration, { runId }: Report): Promise<void> {
  const { reportConfigMap } = configuration;
  if (reportConfigMap === undefined) return;
  const told = async (): Promise<void> =>
    announceReport(kubeOf(configuration), reportPlaceOf(reportConfigMap), runId);
  await told().catch(
    thrownAs(
      EnvironmentError,
      `The report cannot be stored in ConfigMap ${reportConfigMap}`,
      'Check that the namespace exists and that this user may get and patch the ConfigMap; ./conformance job prints the permissions.',
    ),
  );
}

/**
 * Stores the report in that ConfigMap. It is in its folder too: a failure here changes no verdict.
 * @returns a line for people; undefined without --report-config-map
 */
async function leave(
  configuration: Configuration,
  results: Results,
  { folder }: Report,
): Promise<string | undefined> {
  const { reportConfigMap } = configuration;
  if (reportConfigMap === undefined) return undefined;
  try {
    const place = reportPlaceOf(reportConfigMap);
    const without = await storeReport(kubeOf(configuration), place, results, folder);
    return `ConfigMap: ${reportConfigMap}${without === undefined ? '' : `, without ${without}: too large for one`}`;
  } catch (error) {
    return `The report was not stored in ConfigMap ${reportConfigMap}: ${messageOf(error)}`;
  }
}

function kubeOf(configuration: Configuration): Kube {
  const existing = existingClusterOf(configuration);
  if (existing === undefined) throw new TypeError('the run starts a cluster of its own');
  return connect(readKubeconfig(existing));
}
