import { closest } from 'fastest-levenshtein';
import { keptMustFit, serves } from '../helpers/cluster/kept.ts';
import type { KeptConfiguration } from '../helpers/cluster/kept-configuration.ts';
import type { Configuration } from '../helpers/configuration/configuration.ts';
import type { Settings } from '../helpers/configuration/settings.ts';
import { ActionableError, EnvironmentError, exitCodes, messageOf, UsageError } from '../helpers/errors.ts';
import { events } from '../helpers/events/stream.ts';
import { askedFor } from '../helpers/images/choose.ts';
import { loadOf } from '../helpers/scale/load.ts';
import { resolveVersions, type Versions } from '../helpers/images/versions.ts';
import { closingLines } from '../helpers/report/closing.ts';
import { Report } from '../helpers/report/report.ts';
import type { Results, Outcome } from '../helpers/results/results.ts';
import { named, verdictOf } from '../helpers/results/verdict.ts';
import { runDocument } from '../helpers/session/document-run.ts';
import { cancelProject } from '../helpers/session/vitest-run.ts';
import { newRunId, type Session } from '../helpers/session/session.ts';
import { openSession } from '../helpers/session/open-session.ts';
import { onSignals } from '../helpers/session/interrupt.ts';
import { isExisting, needsEngine, surroundingsMustFit } from '../helpers/session/surroundings.ts';
import { Telling } from '../helpers/session/telling.ts';
import { yourProxyOf } from '../helpers/session/your-proxy.ts';
import { scaleTimeouts } from '../helpers/timeouts.ts';
import { fixturesMustBeReadable } from '../suites/document/fixtures.ts';
import { installFor } from '../suites/begin-install.ts';
import { chosenSteps, everyStep, isPartial, judgedSteps, matching, stepsFor } from '../suites/steps.ts';
import { tellEnd, tellStart } from './ends.ts';
import { announce, leave } from './leaving.ts';
import { attendPauses, pauseMustBePossible } from './pausing.ts';
import { keptLines } from './reaching.ts';
import { settingLines } from './settings.ts';

/** `conformance run`: the document, from nothing to a verdict and a report. */
export async function run({ values: configuration, origins }: Settings<Configuration>): Promise<number> {
  scaleTimeouts(configuration.timeoutScale);
  const report = new Report(configuration.reportDir, newRunId(), configuration);
  report.origins = origins;
  await report.open();
  const telling = new Telling(configuration);
  tellStart('run', report, { values: configuration, origins });
  let opening: Promise<Session> | undefined;
  const ended = (results: Results): void => {
    tellEnd(results, report);
  };
  const signals = onSignals({
    report,
    keep: configuration.keep,
    opening: () => opening,
    existing: isExisting(configuration) ? { cancel: cancelProject } : undefined,
    ended,
  });
  telling.mention(`Run ${report.runId}: ${describe(configuration)}`);
  if (telling.verbose) for (const line of settingLines({ values: configuration, origins })) telling.say(line);
  const progress = report.recording(telling.progress());
  let outcome: Outcome;
  try {
    await announce(configuration, report);
    opening = openSession(configuration, report, progress, { install: installFor(configuration) });
    outcome = await runIn(await opening, report, telling);
  } catch (error) {
    outcome = outcomeOf(error);
  }
  await signals.end();
  const results = await report.write(outcome);
  ended(results);
  for (const line of closingLines(results, stepsFor(configuration).length)) {
    (line === '' ? telling.mention : telling.say)(line);
  }
  telling.say(`Report:  ${report.folder}`);
  const left = await leave(configuration, results, report);
  if (left !== undefined) telling.say(left);
  return results.exitCode;
}

/** @throws UsageError for what can be told without an engine: unknown versions, unsupported pairs, unknown steps, fixtures */
export async function argumentsMustBeValid(configuration: Configuration): Promise<void> {
  surroundingsMustFit(configuration);
  yourProxyOf(configuration);
  imagesMustExist(configuration, resolveVersions(configuration));
  stepsMustExist(configuration);
  pauseMustBePossible(configuration);
  loadMustBeForOurs(configuration);
  await fixturesMustBeReadable();
  if (configuration.reuse) {
    const versions = resolveVersions(configuration);
    await keptMustFit(askedOf(configuration, versions, [versions.istio]));
  }
}

/** Tells the launcher by an exit code of its own that there is no engine to prepare. */
export function checked(configuration: Configuration): number {
  const withoutEngine = 10;
  return needsEngine(configuration) ? exitCodes.conformant : withoutEngine;
}

/** What is known of a configuration before its images are. */
export function askedOf(
  { injection }: Pick<Configuration, 'injection'>,
  { kubernetes }: Pick<Versions, 'kubernetes'>,
  istio: readonly string[],
): Partial<KeptConfiguration> {
  return { injection, kubernetes, istio: istio.join(' → ') };
}

/** The steps of a configuration and their order, without running anything. */
export function listSteps(configuration: Configuration): void {
  stepsMustExist(configuration);
  for (const { id, section, title, needs } of isPartial(configuration)
    ? chosenSteps(configuration)
    : everyStep(configuration)) {
    events.emit({ type: 'step', id, section, title, needs: [...needs] });
    process.stdout.write(`${id.padEnd(9)} ${section.padEnd(43)} ${title}\n`);
  }
}

async function runIn(session: Session, report: Report, telling: Telling): Promise<Outcome> {
  let problems: readonly string[];
  let clusterServes: boolean;
  try {
    using _pauses = attendPauses(session.facts);
    problems = report.interrupted ? [] : await runDocument(session.facts, report, telling);
    clusterServes = await serves(session.facts.cluster);
  } finally {
    telling.mention('');
    await session[Symbol.asyncDispose]();
  }
  if (session.facts.configuration.keep) for (const line of keptLines(session.facts)) telling.mention(line);
  const expected = judgedSteps(session.facts.configuration).map(({ id }) => id);
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

/** @throws UsageError for a step that does not exist, and for a pattern that finds none */
function stepsMustExist(configuration: Configuration): void {
  const all = stepsFor(configuration);
  const known = all.map(({ id }) => id);
  for (const id of configuration.steps) {
    const unavailable = all.find((step) => step.id === id)?.unavailable?.(configuration);
    if (unavailable !== undefined) {
      throw new UsageError(
        `Step ${id} cannot be judged: ${unavailable}`,
        'Say --proxy-log, or leave it out.',
      );
    }
    if (known.includes(id)) continue;
    if (everyStep(configuration).some((step) => step.id === id)) {
      throw new UsageError(
        `Step ${id} is no part of ${configuration.proxy === undefined ? 'a run that deploys the proxy' : 'a run with --proxy'}`,
        'What each step claims: ./conformance run --list',
      );
    }
    throw new UsageError(
      `There is no step ${id}; the nearest is ${closest(id.toUpperCase(), known)}`,
      'The steps: ./conformance run --list',
    );
  }
  const { grep } = configuration;
  if (grep !== undefined && matching(all, grep).length === 0) {
    throw new UsageError(
      `No step's id or title matches ${grep}`,
      'The pattern is a regular expression, in any case of letters. The steps: ./conformance run --list',
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
    grep,
    repeat,
    clients,
    tunnels,
    waves,
    keep,
    reuse,
    failFast,
    pauseOnFailure,
    timeoutScale,
  } = configuration;
  const parts = isExisting(configuration)
    ? [...describeExisting(configuration), `images ${images}`, `target ${target}`]
    : [`Istio ${istio}`, `Kubernetes ${k8s}`, `images ${images}`, `target ${target}`];
  for (const [role, reference] of Object.entries(image)) parts.push(`${role} ${reference}`);
  if (injection !== 'auto') parts.push(`injection ${injection}`);
  if (steps.length > 0) parts.push(`steps ${steps.join(' ')} and what they need`);
  if (grep !== undefined) parts.push(`steps that match ${grep} and what they need`);
  if (repeat > 1) parts.push(`${repeat} passes`);
  if (configuration.proxy !== undefined) parts.push(`proxy ${configuration.proxy}`);
  if (configuration.destination !== undefined) parts.push(`destination ${configuration.destination}`);
  if (configuration.everyNode) parts.push('a client on every node');
  if (failFast) parts.push('until one fails');
  if (pauseOnFailure) parts.push('waiting where one fails');
  if (timeoutScale !== 1) parts.push(`time limits × ${timeoutScale}`);
  if (loadOf(configuration) !== undefined) {
    parts.push(`${clients} clients × ${tunnels} tunnels × ${waves} waves`);
  }
  if (keep) parts.push(reuse ? 'on the kept cluster' : 'keeping the cluster');
  return parts.join(', ');
}

function describeExisting(configuration: Configuration): string[] {
  const {
    kubeconfig,
    context,
    namespace,
    proxyNamespace,
    installIstio,
    istio = 'default',
    revision,
  } = configuration;
  return [
    kubeconfig === undefined ? 'the cluster around this process' : `the cluster of ${kubeconfig}`,
    ...(context === undefined ? [] : [`context ${context}`]),
    ...(installIstio ? [`Istio ${istio} installed for the run`] : []),
    ...(revision === undefined ? [] : [`revision ${revision}`]),
    `namespaces ${namespace} and ${proxyNamespace}`,
  ];
}
