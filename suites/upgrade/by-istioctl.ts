import { makeDefault, uninstallIstio } from '../../helpers/istio/install.ts';
import { istiodOf, istiodPodsOf, istioSystem } from '../../helpers/istio/revision.ts';
import { labelNamespace } from '../../helpers/kube/apply.ts';
import { podsMustBeGone, scaleToZero } from '../../helpers/kube/workloads.ts';
import { trafficNamespace } from '../../helpers/traffic/traffic.ts';
import type { Step } from '../document/step.ts';
import { installSteps } from './document-phases.ts';
import { setsOf, type Gate } from './gate.ts';
import { precheckGiven } from './given-steps.ts';
import type { Maker } from './maker.ts';
import {
  istioctlOrFail,
  mustBeServed,
  mustInstall,
  mustPassPrecheck,
  onlyPod,
  operation,
} from './operations.ts';
import { restartTraffic } from './traffic-steps.ts';

/** The suite by istioctl, on a mesh of its own. */
export function byIstioctl(gate: Gate): Maker {
  const { from, to } = setsOf(gate.session);
  const canary = gate.plan.strategy === 'canary';
  const way = canary ? `${to.istio} as a canary` : `${to.istio} in place`;
  return {
    called: { from: from.istio, to: to.istio },
    beginning: [
      {
        id: 'precheck',
        title: 'Precheck',
        pass: 'upgrade',
        steps: [
          operation(
            'PRECHECK-1',
            `istioctl x precheck of ${from.istio} finds no issue`,
            [],
            async (world) => {
              world.note('precheck', (await mustPassPrecheck(gate, from)) || 'no issue');
            },
          ),
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
    ],
    upgrade: {
      title: `Upgrade: ${way}${gate.plan.rollback ? ', the first namespace' : ''}`,
      steps: gate.plan.rollback ? canaryBegins(gate) : canary ? canaryUpgrade(gate) : inPlaceUpgrade(gate),
    },
    back: rollback(gate),
    restarting: [],
  };
}

/** `istioctl x precheck` by the new version, as the documentation asks before any upgrade. */
function precheckStep(gate: Gate): Step {
  const { from, to } = setsOf(gate.session);
  return operation('UPGRADE-1', `istioctl x precheck of ${to.istio} finds no issue`, [], async (world) => {
    world.note('precheck', (await mustPassPrecheck(gate, to, from.istio)) || 'no issue');
  });
}

/** The old control plane is replaced; proxies that nobody restarts go over to the new one by themselves. */
function inPlaceUpgrade(gate: Gate): readonly Step[] {
  const { to } = setsOf(gate.session);
  return [
    precheckStep(gate),
    operation(
      'UPGRADE-2',
      `istioctl upgrade: ${to.istio} in place of the old control plane`,
      ['UPGRADE-1'],
      (world) => mustInstall(gate, world),
    ),
    operation(
      'UPGRADE-3',
      'Sidecars that nobody restarted are served by the new control plane',
      ['UPGRADE-2'],
      async (world) => {
        const { client, namespaces } = gate.edition;
        const sleep = await onlyPod(gate, namespaces.mesh, `app=${client}`);
        const kept = await onlyPod(gate, gate.trafficNamespace, 'app=kept');
        for (const { metadata } of [sleep, kept]) {
          const proxy = `${metadata?.name ?? ''}.${metadata?.namespace ?? ''}`;
          await mustBeServed(gate, proxy, gate.after);
          world.note(proxy, 'served');
        }
      },
    ),
  ];
}

/** The new version beside the old one, namespace by namespace; then the old one goes. */
function canaryUpgrade(gate: Gate): readonly Step[] {
  const { to } = setsOf(gate.session);
  const { revision } = gate.after;
  return [
    ...canaryBegins(gate),
    operation(
      'UPGRADE-4',
      `Namespace default is labelled istio.io/rev=${revision ?? ''}`,
      ['UPGRADE-3'],
      () => labelNamespace(gate.kube, gate.edition.namespaces.mesh, gate.labels(revision)),
    ),
    operation(
      'UPGRADE-5',
      `${to.istio} is the default revision`,
      ['UPGRADE-4'],
      // Else the webhook that validates for the default revision would go on asking the control plane that goes.
      () => said(makeDefault(gate.session.cluster, to, revision ?? '')),
    ),
    operation('UPGRADE-6', 'The old control plane is removed', ['UPGRADE-5'], async (world) => {
      await removeControlPlane(gate, undefined);
      world.note('removed', istiodOf(undefined));
    }),
  ];
}

/** The new version beside the old one, and the first namespace on it. */
function canaryBegins(gate: Gate): readonly Step[] {
  const { to } = setsOf(gate.session);
  const { revision } = gate.after;
  return [
    precheckStep(gate),
    operation(
      'UPGRADE-2',
      `${to.istio} is installed beside, as revision ${revision ?? ''}`,
      ['UPGRADE-1'],
      (world) => mustInstall(gate, world),
    ),
    operation(
      'UPGRADE-3',
      `The first namespace goes over: ${trafficNamespace}`,
      ['UPGRADE-2'],
      async (world) => {
        await labelNamespace(gate.kube, trafficNamespace, gate.labels(revision));
        await restartTraffic(gate, world, gate.after);
      },
    ),
  ];
}

/** Back from the first namespace to the old version, which was there all the time. */
function rollback(gate: Gate): readonly Step[] {
  const { from, to } = setsOf(gate.session);
  const { revision } = gate.after;
  return [
    operation('ROLLBACK-1', `${trafficNamespace} goes back to ${from.istio}`, [], async (world) => {
      await labelNamespace(gate.kube, trafficNamespace, gate.labels(undefined));
      await restartTraffic(gate, world, gate.before);
    }),
    operation('ROLLBACK-2', `The control plane of ${to.istio} is removed`, ['ROLLBACK-1'], () =>
      removeControlPlane(gate, revision),
    ),
  ];
}

function said(work: Promise<void>): Promise<void> {
  return istioctlOrFail('UPGRADE_FAILED', 'istioctl', () => work);
}

/**
 * Its pods go first. istioctl deletes the mesh's configuration beside them: an istiod that still ends would push what no
 * configuration means, such as a listener without an access log, to the sidecars that are left with it.
 */
async function removeControlPlane({ kube, session }: Gate, revision: string | undefined): Promise<void> {
  await scaleToZero(kube, istioSystem, istiodOf(revision));
  await podsMustBeGone(kube, istioSystem, istiodPodsOf(revision));
  await said(uninstallIstio(session.cluster, setsOf(session).to, { revision }));
}
