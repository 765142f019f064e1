import { writeFile } from 'node:fs/promises';
import { closest } from 'fastest-levenshtein';
import { runAlone, runFaults } from '../faults/environment.ts';
import { allFaults, faults } from '../faults/index.ts';
import type { HealthyUpgrade } from '../faults/gate-fault.ts';
import { healthyMeshes } from '../faults/healthy/index.ts';
import { healthyUpgrades } from '../faults/healthy/upgrades.ts';
import { greenOf, healthyPage, healthyResults } from '../faults/healthy/result.ts';
import { faultReporter, healthyReporter, type AnyReporter } from '../faults/reporter.ts';
import { faultResults, faultsPage } from '../faults/result.ts';
import { theirFaults } from '../faults/their-mesh.ts';
import { gateFaults } from '../faults/upgrade.ts';
import type { Configuration } from '../helpers/configuration/configuration.ts';
import { exitCodes, UsageError } from '../helpers/errors.ts';
import { pairTo } from '../helpers/gate/rules.ts';
import { chooseVersions } from '../helpers/images/choose.ts';
import type { Progress } from '../helpers/progress/progress.ts';
import { duration, terminalProgress } from '../helpers/progress/terminal.ts';
import { Report } from '../helpers/report/report.ts';
import { planOf } from '../helpers/session/proxy.ts';
import { newRunId, type Session } from '../helpers/session/session.ts';
import { openSession } from '../helpers/session/open-session.ts';
import { Project } from '../helpers/session/run-steps.ts';
import { onSignals, type SignalWatch } from '../helpers/session/interrupt.ts';
import { scaleTimeouts } from '../helpers/timeouts.ts';
import { installFor } from '../suites/begin-install.ts';
import { outcomeOf } from './reported-run.ts';

export interface FaultsOptions {
  readonly configuration: Configuration;
  /** Ids of the faults, or healthy meshes, to try; empty tries all. */
  readonly ids: readonly string[];
  /** File to write the table to. */
  readonly table?: string;
}

const allHealthy = [...healthyMeshes, ...healthyUpgrades];

/** @throws UsageError for a fault, or a healthy mesh, that does not exist */
export function idsMustExist(ids: readonly string[], healthy: boolean): void {
  const known = (healthy ? allHealthy : allFaults).map(({ id }) => id);
  for (const id of ids) {
    if (known.includes(id)) continue;
    throw new UsageError(
      `There is no ${healthy ? 'healthy mesh' : 'fault'} ${id}; the nearest is ${closest(id.toUpperCase(), known)}`,
      `All: ./conformance faults ${healthy ? '--healthy ' : ''}--list`,
    );
  }
}

export function listHealthy(): void {
  for (const { id, title } of allHealthy) process.stdout.write(`${id.padEnd(31)} ${title}\n`);
}

export function listFaults(): void {
  for (const { id, title, expect } of allFaults) {
    process.stdout.write(`${id.padEnd(24)} ${expect.step.padEnd(27)} ${expect.cause.padEnd(23)} ${title}\n`);
  }
}

/** `conformance faults`: puts faults into a mesh and shows which of them the suite catches, and how. */
export async function tryFaults({ configuration, ids, table }: FaultsOptions): Promise<number> {
  const isChosen = ({ id }: { readonly id: string }): boolean => ids.length === 0 || ids.includes(id);
  const inCluster = faults.filter(isChosen);
  const inTheirs = theirFaults.filter(isChosen);
  const inUpgrade = gateFaults.filter(isChosen);
  const alone = runFaults.filter(isChosen);
  const chosen = inCluster.length + inTheirs.length + inUpgrade.length + alone.length;
  // A cluster that a fault killed is not kept.
  const keep = configuration.keep && !inCluster.some(({ fatal }) => fatal === true);
  const reporter = faultReporter(write);
  const trial = await Trial.begin({ ...configuration, keep }, reporter);
  write(`Run ${trial.report.runId}: ${chosen} ${chosen === 1 ? 'fault' : 'faults'}`);
  await trial.of('faults', inCluster, (progress) =>
    openSession(planOf({ ...configuration, target: 'hermetic', keep }), trial.report, progress),
  );
  await trial.of('their-faults', inTheirs, (progress) => {
    const plan = planOf({ ...configuration, target: 'hermetic', keep: false, reuse: false });
    return openSession(plan, trial.report, progress, { install: installFor(plan) });
  });
  await tryUpgrades(trial, configuration, inUpgrade);
  await runAlone(alone, reporter);
  const { results } = reporter;
  const file = await trial.end('faults.json', faultResults.parse({ faults: results }));
  if (table !== undefined) await writeFile(table, faultsPage(results));
  const caught = results.filter((result) => result.caught).length;
  const asExpected = results.filter((result) => result.asExpected).length;
  const greps = results.filter(({ fourGreps }) => fourGreps).length;
  write(
    `Caught: ${caught} of ${chosen}, ${asExpected} at the expected step with the expected cause; ` +
      `by four greps: ${greps} (${trial.took()})`,
  );
  write(`Results: ${file}`);
  if (asExpected === chosen) return exitCodes.conformant;
  return results.length < chosen ? exitCodes.environment : exitCodes.notConformant;
}

/** Upgrades have their own node: it must suit two versions of Istio. */
async function tryUpgrades(
  trial: Trial,
  configuration: Configuration,
  chosen: readonly HealthyUpgrade[],
): Promise<void> {
  const byVersion = Map.groupBy(chosen, (one) => ('to' in one ? one.to : undefined));
  for (const [to, these] of byVersion) {
    await trial.of('gate-faults', these, async (progress) => {
      const { versions, source } = await chooseVersions(configuration, configuration.image);
      const upgrade = pairTo(to ?? versions.istio, source);
      const { from: istio, kubernetes: k8s } = upgrade;
      const own = { istio, k8s, target: 'hermetic', keep: false, reuse: false } as const;
      return openSession(planOf({ ...configuration, ...own }), trial.report, progress, { upgrade });
    });
  }
}

/** `conformance faults --healthy`: runs the suite in healthy meshes, where each red is a false alarm. */
export async function tryHealthy({ configuration, ids, table }: FaultsOptions): Promise<number> {
  const isChosen = ({ id }: { readonly id: string }): boolean => ids.length === 0 || ids.includes(id);
  const chosen = allHealthy.filter(isChosen);
  const reporter = healthyReporter(write);
  const trial = await Trial.begin(configuration, reporter);
  write(`Run ${trial.report.runId}: ${chosen.length} healthy ${chosen.length === 1 ? 'mesh' : 'meshes'}`);
  await trial.of('healthy', healthyMeshes.filter(isChosen), (progress) => {
    const plan = planOf({ ...configuration, target: 'hermetic' });
    return openSession(plan, trial.report, progress, { install: installFor(plan) });
  });
  await tryUpgrades(trial, configuration, healthyUpgrades.filter(isChosen));
  const { results } = reporter;
  const file = await trial.end('healthy.json', healthyResults.parse({ meshes: results }));
  if (table !== undefined) await writeFile(table, healthyPage(results));
  const missing = chosen.length - results.length;
  const notJudged = missing === 0 ? '' : `, not judged: ${missing}`;
  write(`${greenOf(results)}${notJudged} (${trial.took()})`);
  write(`Results: ${file}`);
  if (missing > 0) return exitCodes.environment;
  return results.every(({ green }) => green) ? exitCodes.conformant : exitCodes.notConformant;
}

function write(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** A report, and the sessions in which something is tried one after the other. */
class Trial {
  readonly report: Report;
  readonly #reporter: AnyReporter;
  readonly #signals: SignalWatch;
  readonly #start = performance.now();
  #opening: Promise<Session> | undefined;
  /** Why something could not be tried. */
  #failure = '';

  private constructor(report: Report, keep: boolean, reporter: AnyReporter) {
    this.report = report;
    this.#reporter = reporter;
    this.#signals = onSignals({ report, keep, opening: () => this.#opening });
  }

  static async begin(configuration: Configuration, reporter: AnyReporter): Promise<Trial> {
    scaleTimeouts(configuration.timeoutScale);
    const report = new Report(configuration.reportDir, newRunId(), configuration);
    await report.open();
    return new Trial(report, configuration.keep, reporter);
  }

  /** Tries these in a session of their own; opens none for nothing. */
  async of(
    project: 'faults' | 'their-faults' | 'gate-faults' | 'healthy',
    chosen: readonly { readonly id: string }[],
    open: (progress: Progress) => Promise<Session>,
  ): Promise<void> {
    if (chosen.length === 0) return;
    try {
      await using tests = await Project.begin(project, this.report.configuration, [this.#reporter]);
      this.#opening = open(this.report.recording(terminalProgress()));
      await using session = await this.#opening;
      write('');
      await tests.run({ session: session.facts, faults: chosen.map(({ id }) => id) });
    } catch (error) {
      this.#failure = outcomeOf(error).reason;
    }
  }

  /** Writes the results, and what went wrong outside them. @returns the file */
  async end(name: string, results: unknown): Promise<string> {
    await this.#signals.end();
    const file = await this.report.attach(name, `${JSON.stringify(results, null, 2)}\n`);
    write('');
    for (const problem of this.#reporter.problems) write(problem);
    if (this.#failure !== '') write(this.#failure);
    return file;
  }

  took(): string {
    return duration(performance.now() - this.#start);
  }
}
