import type { V1Pod } from '@kubernetes/client-node';
import { analysisOf, patchesByVersion, writersFor } from '../../helpers/given/analysis.ts';
import { objectText, problemText, type Given, type GivenProblem } from '../../helpers/given/given.ts';
import { SidecarWatch, complaintIn } from '../../helpers/istio/sidecar-watch.ts';
import { dumpEntries, sidecarOf } from '../../helpers/istio/sidecar.ts';
import { rejectedListeners } from '../../helpers/istio/taker.ts';
import { istioSystem } from '../../helpers/istio/revision.ts';
import { isReady, restartDeployment } from '../../helpers/kube/workloads.ts';
import { deployments, manifestsMustApply } from '../document/apply-manifests.ts';
import { fail } from '../document/must.ts';
import type { Step } from '../document/step.ts';
import type { World } from '../document/world.ts';
import { setsOf, type Gate } from './gate.ts';
import { mustRunOn, operation, restarting } from './operations.ts';

/** What istioctl of the new version says of the user's configuration that the old one's does not; before anything is installed. */
export function precheckGiven(gate: Gate): readonly Step[] {
  const { given } = gate.session;
  if (given === undefined) return [];
  const { from, to } = setsOf(gate.session);
  return [
    operation('PRECHECK-2', `Istio ${to.istio} takes your configuration and manifests`, [], (world) => {
      judgeProblems(gate, world, [...given.newProblems, ...patchesByVersion(given, from.istio, to.istio)]);
      return Promise.resolve();
    }),
  ];
}

/** The user's manifests on the old version, and what its analyzers say of them. */
export function applyGiven(gate: Gate): readonly Step[] {
  const { given, cluster } = gate.session;
  if (given === undefined || given.objects.length === 0) return [];
  const { from } = setsOf(gate.session);
  return [
    operation('APPLY-1', 'Your manifests are applied, and your workloads are ready', [], manifestsMustApply),
    operation(
      'APPLY-2',
      `What the analyzers of ${from.istio} say of them is written down`,
      ['APPLY-1'],
      async (world) => {
        gate.analysis = await analysisOf(cluster, from, given);
        for (const [index, problem] of gate.analysis.entries())
          world.note(`${problem.level} ${index + 1}`, problemText(problem));
      },
    ),
  ];
}

/** The user's workloads get sidecars of the new version. */
export function restartGiven(gate: Gate): readonly Step[] {
  const { given } = gate.session;
  const mine = deployments((given?.objects ?? []).map(({ object }) => object));
  if (given === undefined || mine.length === 0) return [];
  const { kube } = gate;
  return [
    operation(
      'RESTART-3',
      'Your workloads are restarted, with sidecars of their control plane’s version',
      [],
      async (world) => {
        for (const { namespace, name } of mine) {
          const watch = new SidecarWatch(kube);
          const pods = await rejectionTold(gate, given, namespace, () =>
            restarting(gate, () =>
              restartDeployment(
                kube,
                namespace,
                name,
                {},
                { hopeless: (waiting) => watch.hopeless(waiting) },
              ),
            ),
          );
          for (const pod of pods) {
            if (sidecarOf(pod) === undefined) continue;
            world.note(`${namespace}/${name}`, await mustRunOn(gate, pod, gate.after));
          }
        }
      },
    ),
  ];
}

/** What the new version makes of the user's manifests, once every workload has its sidecar. */
export function givenAfterwards(gate: Gate): readonly Step[] {
  const { given, cluster } = gate.session;
  if (given === undefined || given.objects.length === 0) return [];
  const { to } = setsOf(gate.session);
  return [
    operation(
      'YOURS-1',
      `The analyzers of ${to.istio} find nothing new in your manifests`,
      [],
      async (world) => {
        const before = new Set(gate.analysis.map(problemText));
        const now = await analysisOf(cluster, to, given);
        judgeProblems(
          gate,
          world,
          now.filter((problem) => !before.has(problemText(problem))),
        );
      },
    ),
    operation('YOURS-2', `Every Envoy takes what ${to.istio} sends it`, [], async (world) => {
      const pods = (await podsWithSidecar(gate)).filter(isReady);
      for (const pod of pods) await mustTakeAll(gate, given, pod);
      world.note('sidecars', String(pods.length));
    }),
  ];
}

/** Errors are red; warnings are noted, and red where the gate is strict. */
function judgeProblems(gate: Gate, world: World, problems: readonly GivenProblem[]): void {
  const errors = problems.filter(({ level }) => level === 'error' || gate.plan.strict);
  for (const [index, problem] of problems.entries())
    world.note(`${problem.level} ${index + 1}`, problemText(problem));
  if (errors.length === 0) return;
  fail(
    'CONFIGURATION_NOT_TAKEN',
    errors.map(problemText).join('; '),
    `istioctl ${gate.pair().to} says nothing of it that the version before does not say, too`,
  );
}

async function mustTakeAll(gate: Gate, given: Given, pod: V1Pod): Promise<void> {
  const { name = '', namespace = '' } = pod.metadata ?? {};
  const [rejected] = rejectedListeners(
    await dumpEntries(gate.kube, { namespace, pod: name }, 'dynamic_listeners'),
  );
  if (rejected !== undefined) failRejected(given, pod, `listener ${rejected.name}: ${rejected.details}`);
  const complaint = await complaintIn(gate.kube, pod);
  if (complaint?.kind === 'rejected') failRejected(given, pod, complaint.words);
}

/** A pod that does not become ready since its Envoy rejects something: that is the cause, and who wrote it is named. */
async function rejectionTold<T>(
  gate: Gate,
  given: Given,
  namespace: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    for (const pod of await podsWithSidecar(gate)) {
      if (pod.metadata?.namespace !== namespace || isReady(pod)) continue;
      await mustTakeAll(gate, given, pod);
    }
    throw error;
  }
}

function failRejected(given: Given, pod: V1Pod, words: string): never {
  const { name = '', namespace = '', labels = {} } = pod.metadata ?? {};
  const writers = writersFor(given, { namespace, labels }, istioSystem).map((each) =>
    objectText(given, each),
  );
  const by = writers.length === 0 ? '' : `; it comes from ${writers.join(' or ')}`;
  fail(
    'CONFIG_REJECTED',
    `the Envoy of ${namespace}/${name} rejects ${words}${by}`,
    'a sidecar that takes everything it is sent',
  );
}

async function podsWithSidecar({ kube }: Gate): Promise<V1Pod[]> {
  const { items } = await kube.core.listPodForAllNamespaces();
  return items.filter((pod) => pod.metadata?.deletionTimestamp === undefined && sidecarOf(pod) !== undefined);
}
