import { closest } from 'fastest-levenshtein';
import { keptKubeconfig, serves } from '../helpers/cluster/kept.ts';
import type { Configuration } from '../helpers/configuration/configuration.ts';
import { ActionableError, EnvironmentError, messageOf, UsageError } from '../helpers/errors.ts';
import { askedFor } from '../helpers/images/choose.ts';
import { loadOf } from '../helpers/scale/load.ts';
import { resolveVersions, type Versions } from '../helpers/images/versions.ts';
import { terminalProgress } from '../helpers/progress/terminal.ts';
import { closingLines } from '../helpers/report/closing.ts';
import { Report } from '../helpers/report/report.ts';
import { named, verdictOf, type Outcome } from '../helpers/report/verdict.ts';
import { runDocument } from '../helpers/session/document-run.ts';
import { newRunId, openSession, type Session } from '../helpers/session/session.ts';
import { fixturesMustBeReadable } from '../suites/document/fixtures.ts';
import { chosenSteps, everyStep, stepsFor } from '../suites/steps.ts';
import { onSignals } from './interrupt.ts';

/** `conformance run`: the document, from nothing to a verdict and a report. */
export async function run(configuration: Configuration): Promise<number> {
  const report = new Report(configuration.reportDir, newRunId(), configuration);
  await report.open();
  let opening: Promise<Session> | undefined;
  const signals = onSignals({ report, keep: configuration.keep, opening: () => opening });
  const write = (line: string): void => {
    process.stdout.write(`${line}\n`);
  };
  write(`Run ${report.runId}: ${describe(configuration)}`);
  const progress = report.recording(terminalProgress());
  let outcome: Outcome;
  try {
    opening = openSession(configuration, report, progress);
    outcome = await runIn(await opening, report, write);
  } catch (error) {
    outcome = outcomeOf(error);
  }
  await signals.end();
  const results = await report.write(outcome);
  for (const line of closingLines(results, stepsFor(configuration).length)) write(line);
  write(`Report:  ${report.folder}`);
  return results.exitCode;
}

/** @throws UsageError for what can be told without an engine: unknown versions, unsupported pairs, unknown steps, fixtures */
export async function argumentsMustBeValid(configuration: Configuration): Promise<void> {
  imagesMustExist(configuration, resolveVersions(configuration));
  stepsMustExist(configuration);
  loadMustBeForOurs(configuration);
  await fixturesMustBeReadable();
}

/** The steps and their order, without running anything. */
export function listSteps(): void {
  for (const { id, section, title } of everyStep) {
    process.stdout.write(`${id.padEnd(9)} ${section.padEnd(43)} ${title}\n`);
  }
}

async function runIn(session: Session, report: Report, write: (line: string) => void): Promise<Outcome> {
  let problems: readonly string[];
  let clusterServes: boolean;
  try {
    problems = await runDocument(session.facts, report, write);
    clusterServes = await serves(session.facts.cluster);
  } finally {
    write('');
    await session[Symbol.asyncDispose]();
  }
  if (session.facts.configuration.keep) {
    write(
      `The cluster is kept: kubectl --kubeconfig ${keptKubeconfig(session.facts.cluster.runId)} get pods -A`,
    );
    write('Run again on it with --keep; remove it with ./conformance clean');
  }
  const expected = chosenSteps(session.facts.configuration).map(({ id }) => id);
  return verdictOf({
    expected,
    repeat: session.facts.configuration.repeat,
    steps: report.steps,
    target: session.facts.destination.kind,
    problems,
    clusterServes,
  });
}

export function outcomeOf(error: unknown): Outcome {
  if (!(error instanceof ActionableError)) {
    // Nobody foresaw it, so the stack is what helps.
    const text = error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
    return { verdict: 'environment', cause: 'ENVIRONMENT', reason: `The run broke: ${text}` };
  }
  const reason = `${error.message}\n${error.hint}`;
  if (error instanceof UsageError) return { verdict: 'usage', reason };
  const cause = error instanceof EnvironmentError ? error.code : 'ENVIRONMENT';
  return { verdict: 'environment', cause, reason: `${named(cause)}\n${reason}` };
}

/** @throws UsageError when the images that were asked for cannot have these versions */
function imagesMustExist({ images, image }: Configuration, versions: Versions): void {
  if (images !== 'auto') askedFor(images, [versions], image);
}

/** @throws UsageError when many requests at once were to go to a proxy or a destination of somebody else's */
function loadMustBeForOurs(configuration: Configuration): void {
  if (loadOf(configuration) === undefined) return;
  const { target, destination, proxy } = configuration;
  const theirs =
    proxy === undefined
      ? (destination ?? (target === 'live' ? '--target live' : undefined))
      : `--proxy ${proxy}`;
  if (theirs === undefined) return;
  throw new UsageError(
    `--clients, --tunnels and --waves are for a proxy and a destination of the suite's own, not for ${theirs}`,
    'Leave one of them out; --target hermetic is what many at once go to.',
  );
}

function stepsMustExist(configuration: Configuration): void {
  const known = stepsFor(configuration).map(({ id }) => id);
  for (const id of configuration.steps) {
    if (known.includes(id)) continue;
    throw new UsageError(
      `There is no step ${id}; the nearest is ${closest(id.toUpperCase(), known)}`,
      'The steps: ./conformance run --list',
    );
  }
}

function describe(configuration: Configuration): string {
  const {
    istio = 'default',
    k8s = 'default',
    images,
    image,
    target,
    injection,
    steps,
    repeat,
    clients,
    tunnels,
    waves,
    keep,
  } = configuration;
  const parts = [`Istio ${istio}`, `Kubernetes ${k8s}`, `images ${images}`, `target ${target}`];
  for (const [role, reference] of Object.entries(image)) parts.push(`${role} ${reference}`);
  if (injection !== 'auto') parts.push(`injection ${injection}`);
  if (steps.length > 0) parts.push(`steps ${steps.join(' ')} and what they need`);
  if (repeat > 1) parts.push(`${repeat} passes`);
  if (loadOf(configuration) !== undefined) {
    parts.push(`${clients} clients × ${tunnels} tunnels × ${waves} waves`);
  }
  if (keep) parts.push('keeping the cluster');
  return parts.join(', ');
}
