import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../../helpers/eventually/eventually.ts';
import { planesOf } from '../../helpers/existing/planes.ts';
import { tell, type ErrandEnd } from '../../helpers/pause/pause.ts';
import { notFound, type TheirUpgrade } from '../../helpers/results/gate.ts';
import { timeouts } from '../../helpers/timeouts.ts';
import { fail, waitOrFail } from '../document/must.ts';
import type { Step } from '../document/step.ts';
import type { World } from '../document/world.ts';
import { installSteps } from './document-phases.ts';
import type { Gate } from './gate.ts';
import type { Maker } from './maker.ts';
import { mustServe, noteMesh, operation } from './operations.ts';
import { TheirMesh } from './their-mesh.ts';
import { restartTraffic } from './traffic-steps.ts';

/** A user, on their own mesh, by their command, pipeline or hand. What they did is found, and not asked. */
export function byTheirs(gate: Gate, theirs: TheirUpgrade): Maker {
  const { before, plan } = gate;
  const state = new TheirMesh(gate);
  const to = plan.to === notFound ? 'the new version' : plan.to;
  const from = before.istio ?? 'the Istio that is there';
  const own = performed(gate, theirs);
  const upgrade: readonly Step[] = [
    {
      ...own,
      run: async (world) => {
        await state.begin();
        await own.run(world);
      },
    },
    operation(
      'UPGRADE-2',
      'What was upgraded is found, and its control plane serves',
      ['UPGRADE-1'],
      (world) => state.findUpgrade(world),
    ),
    operation(
      'UPGRADE-3',
      'Sidecars that nobody restarted are the same, and are served by the control plane that they belong to',
      ['UPGRADE-2'],
      (world) => state.sidecarsMustHold(world),
    ),
    operation(
      'UPGRADE-4',
      'Every namespace that got sidecars before gets them still',
      ['UPGRADE-2'],
      (world) => state.injectorsMustHold(world),
    ),
  ];
  const over = operation(
    'MOVE-1',
    'The suite’s own namespace goes over to the new control plane',
    [],
    (world) => state.goOver(world, gate.after),
  );
  return {
    called: { from, to },
    beginning: [
      {
        id: 'found',
        title: 'The mesh as it is found',
        pass: 'upgrade',
        steps: [operation('FOUND-1', 'Control planes and injectors', [], (world) => state.look(world))],
        needs: [],
      },
      {
        id: 'install',
        title: `Istio ${from} is there`,
        pass: 'before',
        steps: installSteps(gate),
        needs: ['found'],
      },
    ],
    upgrade: {
      title: theirs.command === undefined ? 'Your upgrade' : 'Your upgrade command',
      steps: plan.rollback
        ? [
            ...upgrade,
            { ...over, needs: ['UPGRADE-3'] },
            operation('MOVE-2', 'One workload of the live traffic is restarted', ['MOVE-1'], (world) =>
              restartTraffic(gate, world, gate.after),
            ),
          ]
        : upgrade,
    },
    back: backSteps(gate, theirs, state),
    restarting: [
      over,
      ...(theirs.restartCommand === undefined ? [] : [restarted(gate, theirs.restartCommand)]),
    ],
  };
}

/** The user's own upgrade: their command, or a wait for what they do. */
function performed(gate: Gate, { command, waitFor }: TheirUpgrade): Step {
  const limit = 'upgrade';
  if (command !== undefined) {
    const step = operation('UPGRADE-1', 'Your upgrade command ends with exit code 0', [], (world) =>
      commandMustSucceed(gate, world, 'upgrade', command),
    );
    return { ...step, commands: [command], limit };
  }
  if (waitFor !== undefined) {
    const step = operation('UPGRADE-1', `An istiod of ${waitFor} serves`, [], (world) =>
      versionMustCome(gate, world, waitFor),
    );
    return { ...step, limit };
  }
  const step = operation('UPGRADE-1', 'You upgrade Istio, and say so', [], async () => {
    const { exitCode, interrupted: wasInterrupted } = await gate.hand.enter(
      'Upgrade Istio now, and wait until it is done. Then press Enter.',
    );
    if (wasInterrupted) gate.stop(interrupted);
    if (exitCode !== 0) {
      const seen = wasInterrupted ? 'the run was interrupted' : 'the end of the input';
      fail('UPGRADE_FAILED', seen, 'Enter, once the upgrade is done');
    }
  });
  return { ...step, limit };
}

function restarted(gate: Gate, command: string): Step {
  const step = operation('MOVE-2', 'Your restart command ends with exit code 0', ['MOVE-1'], (world) =>
    commandMustSucceed(gate, world, 'restart', command),
  );
  return { ...step, commands: [command], limit: 'upgrade' };
}

function backSteps(gate: Gate, { rollbackCommand }: TheirUpgrade, state: TheirMesh): readonly Step[] {
  if (rollbackCommand === undefined) return [];
  const step = operation('ROLLBACK-1', 'Your rollback command ends with exit code 0', [], (world) =>
    commandMustSucceed(gate, world, 'rollback', rollbackCommand),
  );
  return [
    { ...step, commands: [rollbackCommand], limit: 'upgrade' },
    operation('ROLLBACK-2', 'The control plane is the one from before the upgrade', ['ROLLBACK-1'], (world) =>
      mustServe(gate, world, gate.before),
    ),
    operation(
      'ROLLBACK-3',
      'The suite’s own namespace and the restarted workload go back',
      ['ROLLBACK-2'],
      async (world) => {
        await state.goOver(world, gate.before);
        await restartTraffic(gate, world, gate.before);
      },
    ),
  ];
}

/** What a user's command can read of the run that calls it. */
async function environmentOf(gate: Gate): Promise<Record<string, string>> {
  const { session, before } = gate;
  const { namespaces, cluster, folder, runId, reportFolder } = session;
  // The context of the run is the current one in it.
  const kubeconfig = join(folder, 'kubeconfig');
  await writeFile(kubeconfig, cluster.kubeconfig, { mode: 0o600 });
  const { from, to } = gate.pair();
  const told = (version: string): string => (version === notFound ? '' : version);
  return {
    KUBECONFIG: kubeconfig,
    GATE_RUN: runId,
    GATE_REPORT: reportFolder,
    GATE_FROM: told(from),
    GATE_TO: told(to),
    GATE_REVISION: before.revision ?? 'default',
    GATE_ISTIO_NAMESPACE: before.system,
    GATE_NAMESPACES: [namespaces.mesh, namespaces.external, namespaces.origin].join(' '),
  };
}

async function commandMustSucceed(gate: Gate, world: World, name: string, command: string): Promise<void> {
  const start = performance.now();
  const end = await gate.hand.run(name, command, await environmentOf(gate));
  world.note('took', `${((performance.now() - start) / 1000).toFixed(1)} s`);
  if (end.output !== '') world.note('output', end.output);
  if (end.exitCode === 0 && !end.interrupted) return;
  const state = await noteMesh(gate, world);
  if (end.interrupted) {
    gate.stop(interrupted);
    // Of a run that is interrupted no closing lines are printed.
    tell(gate.session.runId, '  The mesh is left as it is:');
    for (const line of state) tell(gate.session.runId, `    ${line}`);
  }
  fail('UPGRADE_FAILED', `${endOf(end)}${lastWords(end)}`, 'exit code 0');
}

const interrupted = 'because the run was interrupted';

function endOf({ exitCode, interrupted: wasInterrupted }: ErrandEnd): string {
  if (wasInterrupted) return 'the run was interrupted while it was at work';
  return exitCode === undefined ? 'it was ended by a signal' : `exit code ${exitCode}`;
}

function lastWords({ lastLines }: ErrandEnd): string {
  const said = lastLines.filter((line) => line.trim() !== '').slice(-3);
  return said.length === 0 ? '; it printed nothing' : `: ${said.join(' | ')}`;
}

/** Waits until a control plane of this version is there and rolled out. */
async function versionMustCome(gate: Gate, world: World, version: string): Promise<void> {
  const { kube, before, session } = gate;
  const has = async (): Promise<string> => {
    const { planes } = await planesOf(kube, before.system);
    const found = planes.find((one) => one.version === version && one.ready);
    if (found !== undefined) return found.revision;
    throw new Error(
      planes.map((one) => `revision ${one.revision} is ${one.version}`).join(', ') || 'no istiod',
    );
  };
  tell(
    session.runId,
    `  … waiting until an istiod of ${version} serves in ${before.system}: upgrade Istio now`,
  );
  const revision = await waitOrFail('UPGRADE_FAILED', `an istiod of ${version} in ${before.system}`, () =>
    // A little less than the step may take, so that it can say what it saw.
    eventually(`an istiod of ${version} to serve`, has, {
      timeoutMs: timeouts.upgrade - timeouts.workloadReady,
      intervalMs: 1000,
    }),
  );
  world.note('revision', revision);
}
