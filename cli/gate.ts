import { resolve } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { keptMustFit } from '../helpers/cluster/kept.ts';
import {
  maxTrafficRate,
  politeTrafficRate,
  type Configuration,
  type GateSettings,
} from '../helpers/configuration/configuration.ts';
import type { Settings } from '../helpers/configuration/settings.ts';
import { UsageError } from '../helpers/errors.ts';
import { gateClosing } from '../helpers/report/closing.ts';
import { comparisonLines, comparisonPage } from '../helpers/gate/comparison-page.ts';
import { planesOf } from '../helpers/existing/planes.ts';
import { expectedChanges } from '../helpers/gate/expected-changes.ts';
import { gateOutcome } from '../helpers/results/verdict.ts';
import { resolvePair, type PairRequest } from '../helpers/gate/rules.ts';
import { askedFor } from '../helpers/images/choose.ts';
import { notFound, type GatePlan, type GateResults } from '../helpers/results/gate.ts';
import { connect } from '../helpers/kube/client.ts';
import { planOf } from '../helpers/session/proxy.ts';
import { gateSteps } from '../helpers/session/run-steps.ts';
import type { SessionFacts, SessionOptions } from '../helpers/session/session.ts';
import { isExisting, surroundingsMustFit } from '../helpers/session/surroundings.ts';
import { trafficLines } from '../helpers/traffic/traffic-lines.ts';
import { fixturesMustBeReadable } from '../suites/document/fixtures.ts';
import type { Chosen } from './options.ts';
import { pauseMustBePossible } from './pausing.ts';
import { runReported } from './reported-run.ts';
import { askedOf, givenOf } from './run.ts';

export interface GateRequest {
  readonly plan: GatePlan;
  /** Of a cluster that the gate starts. */
  readonly kubernetes?: string;
  readonly settings: Settings<Configuration>;
  /** The user's own configuration of a mesh that the gate makes. */
  readonly given?: SessionOptions['given'];
}

/** @throws UsageError for what is known without an engine: the pair, the rules of its strategy, fixtures */
export async function gateOf(chosen: Chosen): Promise<GateRequest> {
  const { values } = chosen.run;
  surroundingsMustFit(values);
  pauseMustBePossible(values);
  await fixturesMustBeReadable();
  const reviewed = chosen.gate.values.expectedChanges;
  if (reviewed !== undefined) expectedChanges(resolve(reviewed));
  return isExisting(values) ? gateOnTheirs(chosen) : gateOnOurs(chosen);
}

/** What both kinds of gate are asked alike. */
function common({ run: { values }, gate }: Chosen) {
  const { strict, expectedChanges: file, trafficRate } = gate.values;
  return {
    strict,
    trafficRate: trafficRate ?? (values.proxy === undefined ? maxTrafficRate : politeTrafficRate),
    ...(file === undefined ? {} : { expectedChanges: resolve(file) }),
  };
}

/**
 * What the requests reach: live traffic is thousands of requests, too many for the document's real page.
 * @throws UsageError where a proxy of the user's is to lead there
 */
function targetOf({ proxy, destination }: Configuration): Configuration['target'] {
  if (proxy === undefined && destination === undefined) return 'hermetic';
  if (proxy !== undefined && destination !== undefined) return 'auto';
  throw proxy === undefined
    ? new UsageError(
        '--destination is for a gate with your own proxy, and there is no --proxy',
        'Leave it out: the suite’s own Squid leads to the suite’s own server.',
      )
    : new UsageError(
        'With --proxy the gate needs --destination: its live traffic is thousands of requests through your proxy',
        'Say --destination URL --expect-title TEXT for a page of yours that may get them.',
      );
}

/** On the Istio of a user's cluster, which they upgrade: versions and strategy are found. */
function gateOnTheirs(chosen: Chosen): GateRequest {
  const { values: asked, origins } = chosen.gate;
  theirSettingsMustFit(asked, origins);
  const { from, to, waitFor, upgradeCommand, rollbackCommand, restartCommand } = asked;
  const theirs = {
    ...(upgradeCommand === undefined ? {} : { command: upgradeCommand }),
    ...(rollbackCommand === undefined ? {} : { rollbackCommand }),
    ...(restartCommand === undefined ? {} : { restartCommand }),
    ...(waitFor === undefined ? {} : { waitFor }),
  };
  const { values, origins: ofRun } = chosen.run;
  return {
    plan: {
      ...common(chosen),
      from: from ?? notFound,
      to: to ?? waitFor ?? notFound,
      strategy: notFound,
      rollback: rollbackCommand !== undefined,
      theirs,
    },
    settings: {
      values: { ...values, target: targetOf(values) },
      origins: { ...ofRun, target: 'the gate' },
    },
  };
}

async function gateOnOurs(chosen: Chosen): Promise<GateRequest> {
  const { run, gate: asked } = chosen;
  const { values: configuration, origins } = run;
  const { rollback, allowUnsupported } = asked.values;
  const alone = theirsAlone.find((key) => asked.origins[key] !== 'default');
  if (alone !== undefined) {
    throw new UsageError(
      `${asked.origins[alone] ?? alone} is for the Istio of a cluster of yours, and there is no --kubeconfig`,
      'Add --kubeconfig FILE. Without it the gate upgrades a mesh of its own from --from to --to.',
    );
  }
  const { k8s, images } = configuration;
  const { from, to, strategy, kubernetes } = resolvePair({
    ...pairIn(asked.values),
    ...(k8s === undefined ? {} : { k8s }),
    rollback,
    allowUnsupported,
  });
  const pair = [from, to].map((istio) => ({ istio, kubernetes }));
  if (images !== 'auto') askedFor(images, pair, {});
  const { istioConfigTo } = asked.values;
  const given = await givenOf(configuration, istioConfigTo);
  if (configuration.reuse) {
    await keptMustFit(askedOf(configuration, { kubernetes }, [from, to], given?.given));
  }
  const forced = { istio: from, k8s: kubernetes, target: targetOf(configuration) };
  return {
    kubernetes,
    given,
    plan: {
      ...{ from, to, strategy, rollback, ...common(chosen) },
      ...(istioConfigTo === undefined ? {} : { istioConfigTo }),
    },
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
    title: `${describe(plan)}${kubernetes === undefined ? `, the cluster of ${settings.values.kubeconfig ?? ''}` : `, Kubernetes ${kubernetes}`}`,
    settings,
    plan: planOf(settings.values),
    session: kubernetes === undefined ? { theirUpgrade: true } : { upgrade: { ...plan, kubernetes }, given },
    begin: (report, telling) => gateSteps(plan, report, telling),
    mustFit: async (facts) => {
      versionMustBe(plan, facts);
      await canaryMustBeToCome(plan, facts);
    },
    verdict: ({ facts, report: { steps, gate: known }, problems, clusterServes }) =>
      gateOutcome({
        ...{ steps, phases: known?.phases ?? [], problems, clusterServes },
        target: facts.destination.kind,
      }),
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

/** Settings of a gate on a user's mesh alone. */
const theirsAlone = ['upgradeCommand', 'waitFor', 'rollbackCommand', 'restartCommand'] as const;
/** And those of a gate on a mesh of its own. */
const oursAlone = ['strategy', 'rollback', 'istioConfigTo', 'allowUnsupported'] as const;

/** @throws UsageError */
function theirSettingsMustFit(asked: GateSettings, origins: Readonly<Record<string, string>>): void {
  const alone = oursAlone.find((key) => origins[key] !== 'default');
  if (alone !== undefined) {
    throw new UsageError(
      `${origins[alone] ?? alone} is for a mesh that the gate upgrades itself; of yours it finds out what your upgrade does`,
      alone === 'rollback' ? 'Say how: --rollback-command COMMAND.' : 'Leave it out.',
    );
  }
  const { upgradeCommand, waitFor, to, rollbackCommand, restartCommand } = asked;
  if (upgradeCommand !== undefined && waitFor !== undefined) {
    throw new UsageError(
      '--upgrade-command and --wait-for exclude each other',
      'With a command, its end is waited for; --to VERSION has the version checked.',
    );
  }
  if (to !== undefined && waitFor !== undefined && to !== waitFor) {
    throw new UsageError(`--to ${to} contradicts --wait-for ${waitFor}`, 'Leave --to out.');
  }
  if (rollbackCommand !== undefined && restartCommand !== undefined) {
    throw new UsageError(
      '--restart-command and --rollback-command exclude each other',
      'A gate with a rollback goes back before your workloads are restarted.',
    );
  }
  if (upgradeCommand === undefined && waitFor === undefined && !process.stdin.isTTY) {
    throw new UsageError(
      'With --kubeconfig the gate needs to know how you upgrade',
      'Say --upgrade-command COMMAND, or --wait-for VERSION where a pipeline does it. At a terminal the gate asks you to upgrade, and waits for Enter.',
    );
  }
}

/** @throws UsageError where the mesh is not of the version that the user said */
function versionMustBe({ from, to }: GatePlan, { existing }: SessionFacts): void {
  const found = existing?.istio?.version;
  if (found === undefined) return;
  if (from !== notFound && from !== found) {
    throw new UsageError(
      `--from ${from}, but the mesh is of ${found}`,
      'Leave --from out: the version is found. Another revision is chosen by --revision NAME.',
    );
  }
  if (to === found) {
    throw new UsageError(
      `The mesh is of ${found} already: nothing would be upgraded`,
      'Start the gate before the upgrade.',
    );
  }
}

/** @throws UsageError where the version that is waited for serves already, beside the mesh's own: nothing would be waited for */
async function canaryMustBeToCome({ theirs }: GatePlan, { existing, cluster }: SessionFacts): Promise<void> {
  const version = theirs?.waitFor;
  if (version === undefined || existing?.istio === undefined) return;
  const { planes } = await planesOf(connect(cluster.kubeconfig, existing.dress), existing.istio.namespace);
  const there = planes.find((one) => one.version === version);
  if (there === undefined) return;
  const { revision, pods } = there;
  const [label] = Object.entries(existing.istio.injection).map(([name, value]) => `${name}=${value}`);
  throw new UsageError(
    `--wait-for ${version}, but revision ${revision} of ${version} is there already (${pods.join(', ')}): the gate judges an upgrade that it sees from its beginning`,
    `Remove revision ${revision} and install it once the gate waits. Or, where ${label ?? 'your label'} is to lead to it, leave --wait-for out and give the gate the command that moves the tag: --upgrade-command 'istioctl tag set …'.`,
  );
}

function describe({ from, to, strategy, rollback, strict, theirs }: GatePlan): string {
  const parts =
    theirs === undefined
      ? [`Istio ${from} → ${to}`, strategy === 'canary' ? 'as a canary' : 'in place']
      : ['your upgrade of Istio', ...(to === notFound ? [] : [`to ${to}`])];
  if (rollback) parts.push(theirs === undefined ? `back to ${from} after the first namespace` : 'and back');
  if (strict) parts.push('strict');
  return parts.join(', ');
}
