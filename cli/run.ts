import { defaultEdition, editionOf } from '../fixtures/document/editions.ts';
import { closest } from 'fastest-levenshtein';
import { type KeptConfiguration, keptMustFit } from '../helpers/cluster/kept.ts';
import type { Configuration } from '../helpers/configuration/configuration.ts';
import type { Settings } from '../helpers/configuration/settings.ts';
import { exitCodes, UsageError } from '../helpers/errors.ts';
import { events } from '../helpers/events/events.ts';
import { askedFor } from '../helpers/images/choose.ts';
import { fingerprintOf, givenAt, type Given } from '../helpers/given/given.ts';
import type { SessionOptions } from '../helpers/session/session.ts';
import { resolveVersions, type Versions } from '../helpers/images/versions.ts';
import { closingLines } from '../helpers/report/closing.ts';
import { verdictOf } from '../helpers/results/verdict.ts';
import { loadOf } from '../helpers/scale/load.ts';
import { documentSteps } from '../helpers/session/run-steps.ts';
import { isExisting, needsEngine, surroundingsMustFit } from '../helpers/session/surroundings.ts';
import { checkedProxy, planOf, type RunPlan } from '../helpers/session/proxy.ts';
import { installFor } from '../suites/begin-install.ts';
import { Fixtures, fixturesMustBeReadable } from '../suites/document/fixtures.ts';
import { chosenSteps, everyStep, isPartial, judgedSteps, matching, stepsFor } from '../suites/steps.ts';
import { pauseMustBePossible } from './pausing.ts';
import { runReported } from './reported-run.ts';

/** `conformance run`: the document, from nothing to a verdict and a report. */
export async function run(settings: Settings<Configuration>, plan: RunPlan): Promise<number> {
  const given = await givenOf(settings.values);
  return runReported({
    command: 'run',
    title: describe(settings.values),
    settings,
    plan,
    steps: chosenSteps(plan).map(({ id }) => id),
    session: { install: installFor(plan, given?.given), given },
    begin: documentSteps,
    verdict: ({ facts, report, problems, clusterServes }) =>
      verdictOf({
        expected: judgedSteps(facts).map(({ id }) => id),
        repeat: facts.configuration.repeat,
        steps: report.steps,
        target: facts.destination.kind,
        problems,
        clusterServes,
      }),
    closing: (results) => closingLines(results, stepsFor(plan).length),
  });
}

/** @throws UsageError for what is known without an engine: unknown versions, unsupported pairs, unknown steps, fixtures */
export async function argumentsMustBeValid(configuration: Configuration): Promise<RunPlan> {
  surroundingsMustFit(configuration);
  const plan = planOf(configuration);
  checkedProxy(plan);
  const versions = resolveVersions(configuration);
  if (configuration.images !== 'auto') askedFor(configuration.images, [versions], configuration.image);
  stepsMustExist(plan);
  pauseMustBePossible(configuration);
  await fixturesMustBeReadable();
  const given = await givenOf(configuration);
  if (configuration.reuse) {
    const { istio, images } = configuration;
    // Which Istio is the default is known once the images are chosen; then the kept cluster is compared once more.
    const { istio: _istio, ...known } = askedOf(configuration, versions, [versions.istio], given?.given);
    await keptMustFit(istio === undefined && images === 'auto' ? known : { ...known, istio: versions.istio });
  }
  return plan;
}

/** The user's own configuration of the mesh, and the suite's that it goes over; undefined where there is none. */
export async function givenOf(
  { istioConfig, apply, edition }: Configuration,
  istioConfigTo?: string,
): Promise<SessionOptions['given']> {
  const given = await givenAt({ istioConfig, istioConfigTo, apply });
  if (given === undefined) return undefined;
  return { given, base: await new Fixtures(editionOf({ edition })).text('istio.yaml') };
}

/** The exit code that tells the launcher whether to prepare an engine. */
export function checked(configuration: Configuration): number {
  const withoutEngine = 10;
  return needsEngine(configuration) ? exitCodes.conformant : withoutEngine;
}

/** What is known of a kept cluster's configuration before its images are. */
export function askedOf(
  { injection }: Pick<Configuration, 'injection'>,
  { kubernetes }: Pick<Versions, 'kubernetes'>,
  istio: readonly string[],
  given: Given | undefined,
): Partial<KeptConfiguration> {
  return { injection, kubernetes, istio: istio.join(' → '), given: fingerprintOf(given) };
}

/** The steps of a configuration and their order, without running anything. */
export function listSteps(configuration: Configuration): void {
  const plan = planOf(configuration);
  stepsMustExist(plan);
  for (const { id, section, title, needs } of isPartial(configuration)
    ? chosenSteps(plan)
    : everyStep(configuration)) {
    events.emit({ type: 'step', id, section, title, needs: [...needs] });
    process.stdout.write(`${id.padEnd(9)} ${section.padEnd(43)} ${title}\n`);
  }
}

/** @throws UsageError for a step that does not exist, and for a pattern that finds none */
function stepsMustExist(plan: RunPlan): void {
  const { configuration, proxy } = plan;
  const all = stepsFor(plan);
  const known = all.map(({ id }) => id);
  for (const id of configuration.steps) {
    const unavailable = all.find((step) => step.id === id)?.unavailable?.(plan);
    if (unavailable !== undefined) {
      throw new UsageError(
        `Step ${id} cannot be judged: ${unavailable}`,
        'Add --proxy-log, or leave the step out.',
      );
    }
    if (known.includes(id)) continue;
    if (everyStep(configuration).some((step) => step.id === id)) {
      throw new UsageError(
        `Step ${id} is not part of ${proxy.kind === 'deployed' ? 'a run that deploys the proxy' : 'a run with --proxy'}`,
        'All steps: ./conformance run --list',
      );
    }
    throw new UsageError(
      `There is no step ${id}; the nearest is ${closest(id.toUpperCase(), known)}`,
      'All steps: ./conformance run --list',
    );
  }
  const { grep } = configuration;
  if (grep !== undefined && matching(all, grep).length === 0) {
    throw new UsageError(
      `No step's id or title matches ${grep}`,
      'The pattern is a regular expression that ignores case. All steps: ./conformance run --list',
    );
  }
}

function describe(configuration: Configuration): string {
  const { istio = 'default', k8s = 'default', images, target, steps, grep } = configuration;
  const { repeat, clients, tunnels, waves, keep, reuse } = configuration;
  const parts = isExisting(configuration)
    ? [...describeExisting(configuration), `images ${images}`, `target ${target}`]
    : [`Istio ${istio}`, `Kubernetes ${k8s}`, `images ${images}`, `target ${target}`];
  for (const [role, reference] of Object.entries(configuration.image)) parts.push(`${role} ${reference}`);
  if (configuration.edition !== defaultEdition) parts.push(`edition ${configuration.edition}`);
  if (configuration.istioConfig !== undefined) parts.push(`Istio configured by ${configuration.istioConfig}`);
  if (configuration.apply.length > 0) parts.push(`with ${configuration.apply.join(' ')} applied`);
  if (configuration.injection !== 'auto') parts.push(`injection ${configuration.injection}`);
  if (steps.length > 0) parts.push(`steps ${steps.join(' ')} and what they need`);
  if (grep !== undefined) parts.push(`steps that match ${grep} and what they need`);
  if (repeat > 1) parts.push(`${repeat} passes`);
  if (configuration.proxy !== undefined) parts.push(`proxy ${configuration.proxy}`);
  if (configuration.destination !== undefined) parts.push(`destination ${configuration.destination}`);
  if (configuration.nodes > 1) parts.push(`${configuration.nodes} nodes`);
  if (configuration.everyNode) parts.push('a client on every node');
  if (configuration.failFast) parts.push('until a step fails');
  if (configuration.pauseOnFailure) parts.push('waiting where a step fails');
  if (configuration.timeoutScale !== 1) parts.push(`time limits × ${configuration.timeoutScale}`);
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
    kubeconfig === undefined ? 'the cluster of this pod' : `the cluster of ${kubeconfig}`,
    ...(context === undefined ? [] : [`context ${context}`]),
    ...(installIstio ? [`Istio ${istio} installed for the run`] : []),
    ...(revision === undefined ? [] : [`revision ${revision}`]),
    `namespaces ${namespace} and ${proxyNamespace}`,
  ];
}
