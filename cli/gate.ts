import { stripVTControlCharacters } from 'node:util';
import { keptMustFit, serves } from '../helpers/cluster/kept.ts';
import type { Configuration } from '../helpers/configuration/configuration.ts';
import type { Settings } from '../helpers/configuration/settings.ts';
import { comparisonLines, comparisonPage } from '../helpers/gate/comparison-page.ts';
import { expectedChanges } from '../helpers/gate/expected-changes.ts';
import { gateOutcome } from '../helpers/results/verdict.ts';
import type { GatePlan, GateResults } from '../helpers/results/gate.ts';
import { resolvePair, type PairRequest } from '../helpers/gate/rules.ts';
import { askedFor } from '../helpers/images/choose.ts';
import type { Versions } from '../helpers/images/versions.ts';
import { gateClosing } from '../helpers/report/closing.ts';
import { Report } from '../helpers/report/report.ts';
import type { Results, Outcome } from '../helpers/results/results.ts';
import { runGate } from '../helpers/session/gate-run.ts';
import { newRunId, type Session } from '../helpers/session/session.ts';
import { openSession } from '../helpers/session/open-session.ts';
import { Telling } from '../helpers/session/telling.ts';
import { scaleTimeouts } from '../helpers/timeouts.ts';
import { fixturesMustBeReadable } from '../suites/document/fixtures.ts';
import { trafficLines } from '../helpers/traffic/traffic-lines.ts';
import { onSignals } from '../helpers/session/interrupt.ts';
import { tellEnd, tellStart } from './ends.ts';
import { attendPauses, pauseMustBePossible } from './pausing.ts';
import { keptLines } from './reaching.ts';
import { askedOf, outcomeOf } from './run.ts';
import { settingLines } from './settings.ts';

export interface GateRequest {
  readonly plan: GatePlan;
  readonly kubernetes: string;
  readonly settings: Settings<Configuration>;
}

/** @throws UsageError for what can be told without an engine: the pair, the rules of its strategy, fixtures */
export async function gateOf(
  pair: PairRequest,
  { strict }: { readonly strict: boolean },
  { values: configuration, origins }: Settings<Configuration>,
): Promise<GateRequest> {
  const { from, to, strategy, kubernetes } = resolvePair(pair);
  for (const istio of [from, to]) imagesMustExist({ istio, kubernetes }, configuration.images);
  pauseMustBePossible(configuration);
  await fixturesMustBeReadable();
  expectedChanges();
  if (configuration.reuse) await keptMustFit(askedOf(configuration, { kubernetes }, [from, to]));
  const forced = { istio: from, k8s: kubernetes, target: 'hermetic' as const };
  return {
    kubernetes,
    plan: { from, to, strategy, rollback: pair.rollback, strict },
    // Thousands of requests are nothing to send to the real destination.
    settings: {
      values: { ...configuration, ...forced },
      origins: { ...origins, istio: 'the gate', k8s: 'the gate', target: 'the gate' },
    },
  };
}

/** `conformance gate`: takes a mesh from one version to another under live traffic, and says whether it may go out. */
export async function gate({ plan, kubernetes, settings }: GateRequest): Promise<number> {
  const { values: configuration, origins } = settings;
  scaleTimeouts(configuration.timeoutScale);
  const report = new Report(configuration.reportDir, newRunId(), configuration);
  report.origins = origins;
  await report.open();
  const telling = new Telling(configuration);
  tellStart('gate', report, settings);
  let opening: Promise<Session> | undefined;
  const ended = (results: Results): void => {
    tellEnd(results, report);
  };
  const signals = onSignals({ report, keep: configuration.keep, opening: () => opening, ended });
  telling.mention(`Gate ${report.runId}: ${describe(plan)}, Kubernetes ${kubernetes}`);
  if (telling.verbose) for (const line of settingLines(settings)) telling.say(line);
  const progress = report.recording(telling.progress());
  let outcome: Outcome;
  try {
    opening = openSession(configuration, report, progress, { upgrade: { ...plan, kubernetes } });
    outcome = await gateIn(await opening, plan, report, telling);
  } catch (error) {
    outcome = outcomeOf(error);
  }
  await signals.end();
  const results = await report.write(outcome);
  if (results.gate !== undefined) {
    await report.attach('comparison.md', `${comparisonPage(results.gate)}${trafficSection(results.gate)}`);
    for (const line of comparisonLines(results.gate.comparisons, results.gate)) telling.mention(line);
  }
  ended(results);
  for (const line of gateClosing(results)) telling.say(line);
  telling.say(`Report:  ${report.folder}`);
  return results.exitCode;
}

async function gateIn(session: Session, plan: GatePlan, report: Report, telling: Telling): Promise<Outcome> {
  try {
    using _pauses = attendPauses(session.facts);
    const problems = await runGate(session.facts, plan, report, telling);
    const clusterServes = await serves(session.facts.cluster);
    const { steps, gate: known } = report;
    return gateOutcome({ steps, phases: known?.phases ?? [], problems, clusterServes });
  } finally {
    telling.mention('');
    await session[Symbol.asyncDispose]();
    if (session.facts.configuration.keep) for (const line of keptLines(session.facts)) telling.mention(line);
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
