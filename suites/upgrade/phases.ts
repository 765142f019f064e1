import { restartDeployment } from '../../helpers/kube/workloads.ts';
import { fail } from '../document/must.ts';
import type { Step } from '../document/step.ts';
import { cleanUpPhase, documentAgain, documentBefore, installSteps } from './document-phases.ts';
import { compareSteps } from './compare-steps.ts';
import type { Gate, Phase } from './gate.ts';
import { applyGiven, givenAfterwards, precheckGiven, restartGiven } from './given-steps.ts';
import { mustPassPrecheck, mustRunOn, operation, restarting } from './operations.ts';
import { canaryBegins, canaryUpgrade, inPlaceUpgrade, rollback } from './strategies.ts';
import { restartTraffic, trafficEnds, trafficStarts } from './traffic-steps.ts';

/** The gate's phases, in the order they are gone through. */
export function phasesOf(gate: Gate): readonly Phase[] {
  return [...beforeTheUpgrade(gate), ...(gate.plan.rollback ? thereAndBack(gate) : there(gate))];
}

function beforeTheUpgrade(gate: Gate): readonly Phase[] {
  const { from } = gate;
  const title = `Document on ${from.istio}`;
  const manifests = phaseOf({
    id: 'manifests',
    title: `Your manifests on ${from.istio}`,
    pass: 'before',
    steps: applyGiven(gate),
    needs: ['install'],
  });
  return [
    {
      id: 'precheck',
      title: 'Precheck',
      pass: 'upgrade',
      steps: [
        operation('PRECHECK-1', `istioctl x precheck of ${from.istio} finds no issue`, [], async (world) => {
          world.note('precheck', (await mustPassPrecheck(gate, from)) || 'no issue');
        }),
        ...precheckGiven(gate),
      ],
      needs: [],
    },
    {
      id: 'install',
      title: `Install ${from.istio}`,
      pass: 'before',
      steps: installSteps(gate),
      needs: ['precheck'],
    },
    ...manifests,
    {
      id: 'document-before',
      title,
      pass: 'before',
      steps: documentBefore(gate, title),
      needs: ['install', ...manifests.map(({ id }) => id)],
    },
    {
      id: 'traffic',
      title: 'Live traffic starts',
      pass: 'before',
      steps: trafficStarts(gate),
      needs: ['document-before'],
    },
  ];
}

/** A phase, unless it has no step. */
function phaseOf(phase: Phase): readonly Phase[] {
  return phase.steps.length === 0 ? [] : [phase];
}

function there(gate: Gate): readonly Phase[] {
  const { to, plan } = gate;
  const canary = plan.strategy === 'canary';
  const old = `Document on ${to.istio}, the client's sidecar never restarted`;
  const fresh = `Document on ${to.istio}, with fresh sidecars`;
  return [
    {
      id: 'upgrade',
      title: canary ? `Upgrade: ${to.istio} as a canary` : `Upgrade: ${to.istio} in place`,
      pass: 'upgrade',
      steps: canary ? canaryUpgrade(gate) : inPlaceUpgrade(gate),
      needs: ['traffic'],
    },
    {
      id: 'document-old-proxy',
      title: old,
      pass: 'old proxy',
      steps: documentAgain(gate, 'old proxy', old),
      needs: ['upgrade'],
    },
    {
      id: 'restart',
      title: 'Sidecars are restarted',
      pass: 'upgrade',
      steps: restarts(gate),
      needs: ['upgrade'],
    },
    ...phaseOf({
      id: 'your-manifests',
      title: `Your manifests on ${to.istio}`,
      pass: 'upgrade',
      steps: givenAfterwards(gate),
      needs: ['restart'],
    }),
    {
      id: 'document-fresh-proxy',
      title: fresh,
      pass: 'fresh proxy',
      steps: documentAgain(gate, 'fresh proxy', fresh),
      needs: ['restart'],
    },
    trafficPhase(gate),
    comparisonPhase(gate, ['document-old-proxy', 'document-fresh-proxy']),
    cleanUpPhase(gate, 'fresh proxy', ['document-fresh-proxy']),
  ];
}

function thereAndBack(gate: Gate): readonly Phase[] {
  const { from, to } = gate;
  const again = `Document on ${from.istio} again`;
  return [
    {
      id: 'upgrade',
      title: `Upgrade: ${to.istio} as a canary, the first namespace`,
      pass: 'upgrade',
      steps: canaryBegins(gate),
      needs: ['traffic'],
    },
    {
      id: 'rollback',
      title: `Back to ${from.istio}`,
      pass: 'rolled back',
      steps: rollback(gate),
      needs: ['upgrade'],
    },
    {
      id: 'restart',
      title: 'Sidecars are restarted',
      pass: 'rolled back',
      steps: [restartClient(gate, 'RESTART-1')],
      needs: ['rollback'],
    },
    {
      id: 'document-again',
      title: again,
      pass: 'rolled back',
      steps: documentAgain(gate, 'rolled back', again),
      needs: ['restart'],
    },
    trafficPhase(gate),
    comparisonPhase(gate, ['document-again']),
    cleanUpPhase(gate, 'rolled back', ['document-again']),
  ];
}

function restarts(gate: Gate): readonly Step[] {
  const { to, revision } = gate;
  return [
    restartClient(gate, 'RESTART-1'),
    operation('RESTART-2', 'The live traffic’s other workload is restarted', [], (world) =>
      restartTraffic(gate, world, { sidecar: to, revision }),
    ),
    ...restartGiven(gate),
  ];
}

/** `kubectl rollout restart deployment`: what a platform engineer asks every team for after an upgrade. */
function restartClient(gate: Gate, id: string): Step {
  const { client, namespaces } = gate.edition;
  return operation(
    id,
    `${client} is restarted, and has a sidecar of its control plane’s version`,
    [],
    async (world) => {
      const [pod] = await restarting(gate, () => restartDeployment(gate.kube, namespaces.mesh, client));
      if (pod === undefined) fail('WORKLOAD_NOT_READY', 'no pod', `one pod of ${client}`);
      const { sidecar, revision } = world.mesh;
      world.note('sidecar', await mustRunOn(gate, pod, { sidecar, revision }));
    },
  );
}

/** The account is drawn whatever became of the phases before: it is evidence then. */
function trafficPhase(gate: Gate): Phase {
  return {
    id: 'traffic-ends',
    title: 'Live traffic ends',
    pass: 'before',
    steps: trafficEnds(gate),
    needs: ['traffic'],
  };
}

function comparisonPhase(gate: Gate, needs: readonly string[]): Phase {
  return { id: 'comparison', title: 'Comparison', pass: 'upgrade', steps: compareSteps(gate), needs };
}
