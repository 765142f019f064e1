import { resolve } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { keptMustFit } from '../helpers/cluster/kept.ts';
import type { Configuration, GateSettings } from '../helpers/configuration/configuration.ts';
import type { Settings } from '../helpers/configuration/settings.ts';
import { UsageError } from '../helpers/errors.ts';
import { gateClosing } from '../helpers/report/closing.ts';
import { comparisonLines, comparisonPage } from '../helpers/gate/comparison-page.ts';
import { expectedChanges } from '../helpers/gate/expected-changes.ts';
import { gateOutcome } from '../helpers/results/verdict.ts';
import { resolvePair, type PairRequest } from '../helpers/gate/rules.ts';
import { askedFor } from '../helpers/images/choose.ts';
import type { GatePlan, GateResults } from '../helpers/results/gate.ts';
import { planOf } from '../helpers/session/proxy.ts';
import { runGate } from '../helpers/session/run-steps.ts';
import type { SessionOptions } from '../helpers/session/session.ts';
import { trafficLines } from '../helpers/traffic/traffic-lines.ts';
import { fixturesMustBeReadable } from '../suites/document/fixtures.ts';
import type { Chosen } from './options.ts';
import { pauseMustBePossible } from './pausing.ts';
import { runReported } from './reported-run.ts';
import { askedOf, givenOf } from './run.ts';

export interface GateRequest {
  readonly plan: GatePlan;
  readonly kubernetes: string;
  readonly settings: Settings<Configuration>;
  readonly given: SessionOptions['given'];
}

/** @throws UsageError for what can be told without an engine: the pair, the rules of its strategy, fixtures */
export async function gateOf({ run, gate: asked }: Chosen): Promise<GateRequest> {
  const { values: configuration, origins } = run;
  const { rollback, strict, allowUnsupported } = asked.values;
  const reviewed =
    asked.values.expectedChanges === undefined
      ? {}
      : { expectedChanges: resolve(asked.values.expectedChanges) };
  const { k8s, images } = configuration;
  const { from, to, strategy, kubernetes } = resolvePair({
    ...pairIn(asked.values),
    ...(k8s === undefined ? {} : { k8s }),
    rollback,
    allowUnsupported,
  });
  const pair = [from, to].map((istio) => ({ istio, kubernetes }));
  if (images !== 'auto') askedFor(images, pair, {});
  pauseMustBePossible(configuration);
  await fixturesMustBeReadable();
  expectedChanges(reviewed.expectedChanges);
  const { istioConfigTo } = asked.values;
  const given = await givenOf(configuration, istioConfigTo);
  if (configuration.reuse) {
    await keptMustFit(askedOf(configuration, { kubernetes }, [from, to], given?.given));
  }
  const forced = { istio: from, k8s: kubernetes, target: 'hermetic' as const };
  return {
    kubernetes,
    given,
    plan: {
      ...{ from, to, strategy, rollback, strict, ...reviewed },
      ...(istioConfigTo === undefined ? {} : { istioConfigTo }),
    },
    // Live traffic is thousands of requests: too many for the real destination.
    settings: {
      values: { ...configuration, ...forced },
      origins: { ...origins, istio: 'the gate', k8s: 'the gate', target: 'the gate' },
    },
  };
}

/** `conformance gate`: upgrades a mesh under live traffic, and says whether the upgrade may go out. */
export async function gate({ plan, kubernetes, settings, given }: GateRequest): Promise<number> {
  return runReported({
    command: 'gate',
    title: `${describe(plan)}, Kubernetes ${kubernetes}`,
    settings,
    plan: planOf(settings.values),
    session: { upgrade: { ...plan, kubernetes }, given },
    judge: (facts, report, telling) => runGate(facts, plan, report, telling),
    verdict: ({ report: { steps, gate: known }, problems, clusterServes }) =>
      gateOutcome({ steps, phases: known?.phases ?? [], problems, clusterServes }),
    complete: async ({ gate: known }, report, telling) => {
      if (known === undefined) return;
      await report.attach('comparison.md', `${comparisonPage(known)}${trafficSection(known)}`);
      for (const line of comparisonLines(known.comparisons, known)) telling.mention(line);
    },
    closing: gateClosing,
  });
}

/** The account of the live traffic, as in the terminal, for readers of the page. */
function trafficSection({ traffic }: GateResults): string {
  if (traffic === undefined) return '';
  const lines = trafficLines(traffic).map((line) => stripVTControlCharacters(line));
  return ['', '## Live traffic', '', '```', ...lines, '```', ''].join('\n');
}

function pairIn({ from, to, strategy }: GateSettings): Pick<PairRequest, 'from' | 'to' | 'strategy'> {
  if (from !== undefined && to !== undefined) return { from, to, strategy };
  throw new UsageError(
    from === undefined
      ? 'The gate needs --from: the version of Istio that the mesh comes from'
      : 'The gate needs --to: the version of Istio to upgrade to',
    'For example: ./conformance gate --from 1.28.3 --to 1.29.1',
  );
}

function describe({ from, to, strategy, rollback, strict }: GatePlan): string {
  const parts = [`Istio ${from} → ${to}`, strategy === 'canary' ? 'as a canary' : 'in place'];
  if (rollback) parts.push(`back to ${from} after the first namespace`);
  if (strict) parts.push('strict');
  return parts.join(', ');
}
