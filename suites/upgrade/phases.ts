import { restartDeployment } from '../../helpers/kube/workloads.ts';
import { fail } from '../document/must.ts';
import type { Step } from '../document/step.ts';
import type { Mesh } from '../document/world.ts';
import { byIstioctl } from './by-istioctl.ts';
import { byTheirs } from './by-theirs.ts';
import {
  cleanUpPhase,
  documentAgain,
  documentAtTheEnd,
  documentBefore,
  documentFromClient,
} from './document-phases.ts';
import { compareSteps } from './compare-steps.ts';
import type { Gate, Phase } from './gate.ts';
import { applyGiven, givenAfterwards, restartGiven } from './given-steps.ts';
import type { Maker } from './maker.ts';
import { mustRunOn, operation, restarting } from './operations.ts';
import { restartTraffic, trafficEnds, trafficStarts } from './traffic-steps.ts';

/** The gate's phases, in the order they are gone through. */
export function phasesOf(gate: Gate): readonly Phase[] {
  const maker = gate.plan.theirs === undefined ? byIstioctl(gate) : byTheirs(gate, gate.plan.theirs);
  return [
    ...beforeTheUpgrade(gate, maker),
    ...(gate.plan.rollback ? thereAndBack(gate, maker) : there(gate, maker)),
  ];
}

function beforeTheUpgrade(gate: Gate, { called, beginning }: Maker): readonly Phase[] {
  const title = `Document on ${called.from}`;
  const manifests = phaseOf({
    id: 'manifests',
    title: `Your manifests on ${called.from}`,
    pass: 'before',
    steps: applyGiven(gate),
    needs: ['install'],
  });
  const client = documentFromClient(gate, 'client before', {
    id: 'client-before',
    title: `${title}, from your client`,
    needs: ['document-before'],
  });
  return [
    ...beginning,
    ...manifests,
    {
      id: 'document-before',
      title,
      pass: 'before',
      steps: documentBefore(gate, title),
      needs: ['install', ...idsOf(manifests)],
    },
    ...client,
    {
      id: 'traffic',
      title: 'Live traffic starts',
      pass: 'before',
      steps: trafficStarts(gate),
      needs: ['document-before', ...idsOf(client)],
    },
  ];
}

/** A phase, unless it has no step. */
function phaseOf(phase: Phase): readonly Phase[] {
  return phase.steps.length === 0 ? [] : [phase];
}

function there(gate: Gate, { called, upgrade, restarting: first }: Maker): readonly Phase[] {
  const old = `Document on ${called.to}, the client's sidecar never restarted`;
  const fresh = `Document on ${called.to}, with fresh sidecars`;
  const client = documentFromClient(gate, 'client after', {
    id: 'client-after',
    title: `Document on ${called.to}, from your client`,
    needs: ['upgrade'],
  });
  const atTheEnd = clientAtTheEnd(gate, called.to);
  return [
    {
      id: 'upgrade',
      ...upgrade,
      pass: 'upgrade',
      needs: ['traffic'],
    },
    {
      id: 'document-old-proxy',
      title: old,
      pass: 'old proxy',
      steps: documentAgain(gate, 'old proxy', old),
      needs: ['upgrade'],
    },
    ...client,
    {
      id: 'restart',
      title: 'Sidecars are restarted',
      pass: 'upgrade',
      steps: [...first, ...restarts(gate)],
      needs: ['upgrade'],
    },
    ...phaseOf({
      id: 'your-manifests',
      title: `Your manifests on ${called.to}`,
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
    documentAtTheEnd(gate, 'fresh proxy', fresh, 'document-fresh-proxy'),
    ...atTheEnd,
    comparisonPhase(gate, ['document-old-proxy', 'document-fresh-proxy', ...idsOf([...client, ...atTheEnd])]),
    cleanUpPhase(gate, 'fresh proxy', ['document-fresh-proxy']),
  ];
}

function thereAndBack(gate: Gate, { called, upgrade, back }: Maker): readonly Phase[] {
  const again = `Document on ${called.from} again`;
  const atTheEnd = clientAtTheEnd(gate, called.from);
  return [
    {
      id: 'upgrade',
      ...upgrade,
      pass: 'upgrade',
      needs: ['traffic'],
    },
    {
      id: 'rollback',
      title: `Back to ${called.from}`,
      pass: 'rolled back',
      steps: back,
      needs: ['upgrade'],
    },
    {
      id: 'restart',
      title: 'Sidecars are restarted',
      pass: 'rolled back',
      steps: [restartClient(gate, 'RESTART-1', () => gate.before)],
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
    documentAtTheEnd(gate, 'rolled back', again, 'document-again'),
    ...atTheEnd,
    comparisonPhase(gate, ['document-again', ...idsOf(atTheEnd)]),
    cleanUpPhase(gate, 'rolled back', ['document-again']),
  ];
}

function restarts(gate: Gate): readonly Step[] {
  return [
    restartClient(gate, 'RESTART-1', () => gate.after),
    operation('RESTART-2', 'The live traffic’s other workload is restarted', [], (world) =>
      restartTraffic(gate, world, gate.after),
    ),
    ...restartGiven(gate),
  ];
}

/** When all has come that an upgrade brings, and the user's own workloads are restarted where a command does it. */
function clientAtTheEnd(gate: Gate, version: string): readonly Phase[] {
  return documentFromClient(gate, 'client at the end', {
    id: 'client-at-the-end',
    title: `Document on ${version}, from your client, at the end`,
    needs: ['restart'],
  });
}

function idsOf(phases: readonly Phase[]): readonly string[] {
  return phases.map(({ id }) => id);
}

/** `kubectl rollout restart deployment`: what a platform engineer asks every team for after an upgrade. */
function restartClient(gate: Gate, id: string, mesh: () => Mesh): Step {
  const { edition, session } = gate;
  const { client } = edition;
  return operation(
    id,
    `${client} is restarted, and has a sidecar of its control plane’s version`,
    [],
    async (world) => {
      const [pod] = await restarting(gate, () =>
        restartDeployment(gate.kube, session.namespaces.mesh, client),
      );
      if (pod === undefined) fail('WORKLOAD_NOT_READY', 'no pod', `one pod of ${client}`);
      world.note('sidecar', await mustRunOn(gate, pod, mesh()));
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
