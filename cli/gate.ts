import { stripVTControlCharacters } from 'node:util';
import { serves } from '../helpers/cluster/kept.ts';
import type { Configuration } from '../helpers/configuration/configuration.ts';
import { comparisonLines, comparisonPage } from '../helpers/gate/comparison-page.ts';
import { expectedChanges } from '../helpers/gate/expected-changes.ts';
import { gateOutcome } from '../helpers/gate/outcome.ts';
import type { GatePlan, GateResults } from '../helpers/gate/result.ts';
import { resolvePair, type PairRequest } from '../helpers/gate/rules.ts';
import { askedFor } from '../helpers/images/choose.ts';
import type { Versions } from '../helpers/images/versions.ts';
import { terminalProgress } from '../helpers/progress/terminal.ts';
import { gateClosing } from '../helpers/gate/closing.ts';
import { Report } from '../helpers/report/report.ts';
import type { Outcome } from '../helpers/report/verdict.ts';
import { runGate } from '../helpers/session/gate-run.ts';
import { newRunId, openSession, type Session } from '../helpers/session/session.ts';
import { fixturesMustBeReadable } from '../suites/document/fixtures.ts';
import { trafficLines } from '../helpers/traffic/traffic-lines.ts';
import { onSignals } from '../helpers/session/interrupt.ts';
import { outcomeOf } from './run.ts';

export interface GateRequest {
  readonly plan: GatePlan;
  readonly kubernetes: string;
  readonly configuration: Configuration;
}

/** @throws UsageError for what can be told without an engine: the pair, the rules of its strategy, fixtures */
export async function gateOf(
  pair: PairRequest,
  { strict }: { readonly strict: boolean },
  configuration: Configuration,
): Promise<GateRequest> {
  const { from, to, strategy, kubernetes } = resolvePair(pair);
  for (const istio of [from, to]) imagesMustExist({ istio, kubernetes }, configuration.images);
  await fixturesMustBeReadable();
  expectedChanges();
  return {
    kubernetes,
    plan: { from, to, strategy, rollback: pair.rollback, strict },
    // Thousands of requests are nothing to send to the real destination.
    configuration: { ...configuration, istio: from, k8s: kubernetes, target: 'hermetic' },
  };
}

/** `conformance gate`: takes a mesh from one version to another under live traffic, and says whether it may go out. */
export async function gate({ plan, kubernetes, configuration }: GateRequest): Promise<number> {
  const report = new Report(configuration.reportDir, newRunId(), configuration);
  await report.open();
  let opening: Promise<Session> | undefined;
  const signals = onSignals({ report, keep: configuration.keep, opening: () => opening });
  const write = (line: string): void => {
    process.stdout.write(`${line}\n`);
  };
  write(`Gate ${report.runId}: ${describe(plan)}, Kubernetes ${kubernetes}`);
  const progress = report.recording(terminalProgress());
  let outcome: Outcome;
  try {
    opening = openSession(configuration, report, progress, { ...plan, kubernetes });
    outcome = await gateIn(await opening, plan, report, write);
  } catch (error) {
    outcome = outcomeOf(error);
  }
  await signals.end();
  const results = await report.write(outcome);
  if (results.gate !== undefined) {
    await report.attach('comparison.md', `${comparisonPage(results.gate)}${trafficSection(results.gate)}`);
    for (const line of comparisonLines(results.gate.comparisons, results.gate)) write(line);
  }
  for (const line of gateClosing(results)) write(line);
  write(`Report:  ${report.folder}`);
  return results.exitCode;
}

async function gateIn(
  session: Session,
  plan: GatePlan,
  report: Report,
  write: (line: string) => void,
): Promise<Outcome> {
  try {
    const problems = await runGate(session.facts, plan, report, write);
    const clusterServes = await serves(session.facts.cluster);
    const { steps, gate: known } = report;
    return gateOutcome({ steps, phases: known?.phases ?? [], problems, clusterServes });
  } finally {
    write('');
    await session[Symbol.asyncDispose]();
  }
}

/** The traffic's account as it stands in the terminal, for who gets the page alone. */
function trafficSection({ traffic }: GateResults): string {
  if (traffic === undefined) return '';
  const lines = trafficLines(traffic).map((line) => stripVTControlCharacters(line));
  return ['', '## Live traffic', '', '```', ...lines, '```', ''].join('\n');
}

/** @throws UsageError when the source that was asked for cannot have them */
function imagesMustExist(versions: Versions, images: Configuration['images']): void {
  if (images !== 'auto') askedFor(images, [versions], {});
}

function describe({ from, to, strategy, rollback, strict }: GatePlan): string {
  const parts = [`Istio ${from} → ${to}`, strategy === 'canary' ? 'as a canary' : 'in place'];
  if (rollback) parts.push(`back to ${from} after the first namespace`);
  if (strict) parts.push('strict');
  return parts.join(', ');
}
