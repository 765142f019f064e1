import { writeFile } from 'node:fs/promises';
import { closest } from 'fastest-levenshtein';
import { runAlone, runFaults } from '../faults/environment.ts';
import { allFaults, faults } from '../faults/index.ts';
import { healthyMeshes } from '../faults/healthy/index.ts';
import { greenOf, healthyPage, healthyResults } from '../faults/healthy/result.ts';
import { FaultReporter, HealthyReporter } from '../faults/reporter.ts';
import { faultResults, faultsPage } from '../faults/result.ts';
import { gateFaults } from '../faults/upgrade.ts';
import type { Configuration } from '../helpers/configuration/configuration.ts';
import { exitCodes, UsageError } from '../helpers/errors.ts';
import { pairTo } from '../helpers/gate/rules.ts';
import { duration, terminalProgress } from '../helpers/progress/terminal.ts';
import { Report } from '../helpers/report/report.ts';
import { planOf } from '../helpers/session/proxy.ts';
import { newRunId, type Session } from '../helpers/session/session.ts';
import { openSession } from '../helpers/session/open-session.ts';
import { runProject } from '../helpers/session/vitest-run.ts';
import { onSignals } from '../helpers/session/interrupt.ts';
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

/** @throws UsageError for a fault, or a healthy mesh, that does not exist */
export function idsMustExist(ids: readonly string[], healthy: boolean): void {
  const known = (healthy ? healthyMeshes : allFaults).map(({ id }) => id);
  for (const id of ids) {
    if (known.includes(id)) continue;
    throw new UsageError(
      `There is no ${healthy ? 'healthy mesh' : 'fault'} ${id}; the nearest is ${closest(id.toUpperCase(), known)}`,
      `All: ./conformance faults ${healthy ? '--healthy ' : ''}--list`,
    );
  }
}

export function listHealthy(): void {
  for (const { id, title } of healthyMeshes) process.stdout.write(`${id.padEnd(31)} ${title}\n`);
}

export function listFaults(): void {
  for (const { id, title, expect } of allFaults) {
    process.stdout.write(`${id.padEnd(24)} ${expect.step.padEnd(27)} ${expect.cause.padEnd(23)} ${title}\n`);
  }
}

/** `conformance faults`: puts faults into a mesh and shows which of them the suite catches, and how. */
export async function tryFaults({ configuration, ids, table }: FaultsOptions): Promise<number> {
  scaleTimeouts(configuration.timeoutScale);
  const isChosen = ({ id }: { readonly id: string }): boolean => ids.length === 0 || ids.includes(id);
  const inCluster = faults.filter(isChosen);
  const inUpgrade = gateFaults.filter(isChosen);
  const alone = runFaults.filter(isChosen);
  const chosen = inCluster.length + inUpgrade.length + alone.length;
  const report = new Report(configuration.reportDir, newRunId(), configuration);
  await report.open();
  let opening: Promise<Session> | undefined;
  // A cluster that a fault killed is not kept.
  const keep = configuration.keep && !inCluster.some(({ fatal }) => fatal === true);
  const signals = onSignals({ report, keep, opening: () => opening });
  const write = (line: string): void => {
    process.stdout.write(`${line}\n`);
  };
  write(`Run ${report.runId}: ${chosen} ${chosen === 1 ? 'fault' : 'faults'}`);
  const start = performance.now();
  const reporter = new FaultReporter(write);
  let failure = '';
  if (inCluster.length > 0) {
    try {
      const progress = report.recording(terminalProgress());
      opening = openSession(planOf({ ...configuration, target: 'hermetic', keep }), report, progress);
      await tryIn('faults', inCluster, await opening, reporter, write);
    } catch (error) {
      failure = outcomeOf(error).reason;
    }
  }
  if (inUpgrade.length > 0) {
    try {
      // Upgrades have their own node: it must suit two versions of Istio.
      const pair = pairTo(configuration.istio);
      const progress = report.recording(terminalProgress());
      opening = openSession(
        planOf({
          ...configuration,
          istio: pair.from,
          k8s: pair.kubernetes,
          target: 'hermetic',
          keep: false,
          reuse: false,
        }),
        report,
        progress,
        { upgrade: pair },
      );
      await tryIn('gate-faults', inUpgrade, await opening, reporter, write);
    } catch (error) {
      failure = outcomeOf(error).reason;
    }
  }
  await runAlone(alone, reporter);
  await signals.end();
  const { results, problems } = reporter;
  const file = await report.attach(
    'faults.json',
    `${JSON.stringify(faultResults.parse({ faults: results }), null, 2)}\n`,
  );
  if (table !== undefined) await writeFile(table, faultsPage(results));
  const caught = results.filter((result) => result.caught).length;
  const asExpected = results.filter((result) => result.asExpected).length;
  const greps = results.filter(({ fourGreps }) => fourGreps).length;
  write('');
  for (const problem of problems) write(problem);
  if (failure !== '') write(failure);
  write(
    `Caught: ${caught} of ${chosen}, ${asExpected} at the expected step with the expected cause; ` +
      `by four greps: ${greps} (${duration(performance.now() - start)})`,
  );
  write(`Results: ${file}`);
  if (asExpected === chosen) return exitCodes.conformant;
  return results.length < chosen ? exitCodes.environment : exitCodes.notConformant;
}

/** `conformance faults --healthy`: runs the suite in healthy meshes, where each red is a false alarm. */
export async function tryHealthy({ configuration, ids, table }: FaultsOptions): Promise<number> {
  scaleTimeouts(configuration.timeoutScale);
  const chosen = healthyMeshes.filter(({ id }) => ids.length === 0 || ids.includes(id));
  const report = new Report(configuration.reportDir, newRunId(), configuration);
  await report.open();
  let opening: Promise<Session> | undefined;
  const signals = onSignals({ report, keep: configuration.keep, opening: () => opening });
  const write = (line: string): void => {
    process.stdout.write(`${line}\n`);
  };
  write(`Run ${report.runId}: ${chosen.length} healthy ${chosen.length === 1 ? 'mesh' : 'meshes'}`);
  const start = performance.now();
  const reporter = new HealthyReporter(write);
  let failure = '';
  try {
    const plan = planOf({ ...configuration, target: 'hermetic' });
    opening = openSession(plan, report, report.recording(terminalProgress()), { install: installFor(plan) });
    await tryIn('healthy', chosen, await opening, reporter, write);
  } catch (error) {
    failure = outcomeOf(error).reason;
  }
  await signals.end();
  const { results, problems } = reporter;
  const file = await report.attach(
    'healthy.json',
    `${JSON.stringify(healthyResults.parse({ meshes: results }), null, 2)}\n`,
  );
  if (table !== undefined) await writeFile(table, healthyPage(results));
  write('');
  for (const problem of problems) write(problem);
  if (failure !== '') write(failure);
  const missing = chosen.length - results.length;
  const notJudged = missing === 0 ? '' : `, not judged: ${missing}`;
  write(`${greenOf(results)}${notJudged} (${duration(performance.now() - start)})`);
  write(`Results: ${file}`);
  if (missing > 0) return exitCodes.environment;
  return results.every(({ green }) => green) ? exitCodes.conformant : exitCodes.notConformant;
}

async function tryIn(
  project: 'faults' | 'gate-faults' | 'healthy',
  chosen: readonly { readonly id: string }[],
  session: Session,
  reporter: FaultReporter | HealthyReporter,
  write: (line: string) => void,
): Promise<void> {
  try {
    write('');
    await runProject(project, [reporter], (vitest) => {
      vitest.provide('session', session.facts);
      vitest.provide(
        'faults',
        chosen.map(({ id }) => id),
      );
    });
  } finally {
    await session[Symbol.asyncDispose]();
  }
}
