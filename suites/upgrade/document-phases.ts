import { revisionIn } from '../../helpers/istio/sidecar.ts';
import { sourcePod } from '../document/others.ts';
import type { Step } from '../document/step.ts';
import { beforeTheEntry } from '../controls/1-before-the-entry.ts';
import { withoutTheEntry } from '../controls/3-without-the-entry.ts';
import { judgedSteps } from '../steps.ts';
import type { ClientPass, Gate, PassName, Phase } from './gate.ts';
import { mustBeServed, operation } from './operations.ts';
import type { TheirClient } from './their-client.ts';

const isCleanup = ({ section }: Step): boolean => section === 'cleanup';

/** What would take the entry away under the live traffic: it waits until that has ended. */
function afterTraffic(gate: Gate): readonly Step[] {
  const controls = new Set(withoutTheEntry.map(({ id }) => id));
  return stepsOf(gate).filter((step) => controls.has(step.id) || isCleanup(step));
}

/** The steps of a run that can be judged. The gate has phases of its own for the user's manifests. */
function stepsOf({ session: { proxy, configuration } }: Gate): readonly Step[] {
  return judgedSteps({ proxy, configuration: { ...configuration, apply: [] } });
}

/** BEFORE-1 of the document: it installs the version that the mesh comes from. */
export function installSteps(gate: Gate): readonly Step[] {
  return stepsOf(gate).filter(({ id }) => id === 'BEFORE-1');
}

/** The first time: everything up to the clean-up, on a cluster that has nothing yet. */
export function documentBefore(gate: Gate, title: string): readonly Step[] {
  const others = new Set([...installSteps(gate), ...afterTraffic(gate)].map(({ id }) => id));
  const steps = stepsOf(gate).filter(({ id }) => !others.has(id));
  return [...steps, writtenDown(gate, 'before', title)];
}

/** Follows the log of a user's proxy from then on. */
const followsItsLog = 'REACH-2';
/**
 * Steps that find one request in the log of a user's proxy, which sees no pod's address. While the live traffic asks for the
 * same page by the same proxy, its lines would do as well, and would be taken for the request's: the log is not followed, and
 * these wait until it has ended.
 */
const inItsLog = [followsItsLog, 'REACH-4', 'CONTROL-4', 'MESH-4', 'MESH-5'];

/**
 * Again, on what is there: its steps apply and do not create, so the same pods, the same proxy and the same entry are
 * looked at once more, and requests are sent anew.
 */
export function documentAgain(gate: Gate, pass: PassName, title: string): readonly Step[] {
  const once = new Set([
    ...[...beforeTheEntry, ...afterTraffic(gate)].map(({ id }) => id),
    ...(gate.session.proxy.kind === 'given' ? inItsLog : []),
  ]);
  return [...stepsOf(gate).filter(({ id }) => !once.has(id)), writtenDown(gate, pass, title)];
}

/**
 * The request once more, when all has come that an upgrade brings: pipelines and operators apply objects after the control
 * plane serves, and what came after a pass is in none. What is compared is the sidecar as it is then.
 * @param title Of the pass that is looked at again
 */
export function documentAtTheEnd(gate: Gate, pass: PassName, title: string, need: string): Phase {
  const steps = stepsOf(gate).filter(
    ({ id, section }) => section === 'configure-traffic-to-external-https-proxy' || id === followsItsLog,
  );
  return {
    id: 'document-at-the-end',
    title: 'The request once more, at the end',
    pass,
    steps: [...steps, writtenDown(gate, pass, title)],
    needs: [need],
  };
}

/**
 * The document once more, from the user's own workload (`--client`), without its clean-up and the controls; no phase where none
 * was named.
 */
export function documentFromClient(
  gate: Gate,
  pass: ClientPass,
  { id, title, needs }: Pick<Phase, 'id' | 'title' | 'needs'>,
): readonly Phase[] {
  const { client } = gate;
  if (client === undefined) return [];
  const besideTraffic = pass === 'client after' && client.session.proxy.kind === 'given';
  const steps = judgedSteps(client.session)
    .filter((step) => step.section !== 'controls' && !isCleanup(step))
    .filter((step) => !besideTraffic || !inItsLog.includes(step.id))
    .map((step) => (step.id === 'CLIENT-1' ? foundAnew(gate, client, step) : step));
  return [{ id, title, pass, needs, steps: [...steps, writtenDown(gate, pass, title)] }];
}

/** CLIENT-1, of the pod that there is by now, once it has what its control plane sends. */
function foundAnew(gate: Gate, client: TheirClient, step: Step): Step {
  return {
    ...step,
    run: async (world) => {
      world.givenClient = await client.now(world);
      await step.run(world);
      const pod = await sourcePod(world);
      if (pod === undefined) return;
      const { namespace, pod: name } = world.givenClient;
      const revision = revisionIn(pod);
      await mustBeServed(gate, `${name}.${namespace}`, { revision, system: world.mesh.system });
      world.note('served by', `revision ${revision ?? 'default'}`);
    },
  };
}

/** What takes the entry or the proxy away: controls first, then the document's own clean-up. */
export function cleanUpPhase(gate: Gate, pass: PassName, needs: readonly string[]): Phase {
  return {
    id: 'clean-up',
    title: 'Negative controls without the entry, and the clean-up',
    pass,
    steps: afterTraffic(gate),
    needs,
  };
}

function writtenDown(gate: Gate, pass: PassName, title: string): Step {
  return operation(
    'STATE-1',
    "The sidecar's configuration and its log are written down, to be compared",
    // Beside the live traffic through a user's proxy there is no MESH-4.
    ['MESH-3', 'MESH-4'],
    async (world) => {
      const { images, accessLog } = await gate.observe(pass, title);
      world.note('sidecar', images['proxyv2'] ?? '');
      world.note(
        'access log',
        `${accessLog.line === '' ? 'no' : 'one'} line, format of ${accessLog.format.length} characters`,
      );
    },
  );
}
