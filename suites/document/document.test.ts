import { afterAll, beforeAll, inject, test } from 'vitest';
import { EnvironmentError } from '../../helpers/errors.ts';
import { late, orLate } from '../../helpers/eventually/deadline.ts';
import { takeSnapshot } from '../../helpers/kube/snapshot.ts';
import { timeouts } from '../../helpers/timeouts.ts';
import { findingsOf } from '../../helpers/trip/findings-of.ts';
import { notCompared, resetDocument } from './prepare.ts';
import { chosenSteps } from './steps.ts';
import { World } from './world.ts';

const session = inject('session');
/** A step that hangs is still at work on the cluster: nothing after it can be judged. */
let hanging = false;
const steps = chosenSteps(session.configuration.steps);

let world: World;
/** Steps that did not pass, each with the failed step it comes from: what needs them is not judged. */
const broken = new Map<string, string>();

beforeAll(async () => {
  world = new World(session);
  if (session.cluster.reused) await resetDocument(world.kube);
  world.before.set(await takeSnapshot(world.kube, notCompared));
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

for (const step of steps) {
  test(`${step.id} ${step.title}`, async ({ task, skip }) => {
    const record = world.begin();
    const { id, title, section, commands } = step;
    const meta = {
      id,
      title,
      section,
      command: commands.join('\n'),
      ...record,
      findings: [],
      versions: world.versions,
    };
    task.meta.step = meta;
    if (hanging) skip('because a step before it did not end');
    const [root] = step.needs.flatMap((need) => broken.get(need) ?? []);
    if (root !== undefined) {
      broken.set(id, root);
      skip(`because step ${root} failed`);
    }
    try {
      await inTime(step.run(world));
    } catch (error) {
      broken.set(id, id);
      task.meta.step = { ...meta, findings: findingsOf(error) };
      throw error;
    }
  });
}

async function inTime(work: Promise<void>): Promise<void> {
  if ((await orLate(work, timeouts.step)) !== late) return;
  hanging = true;
  throw new EnvironmentError(
    `The step did not end within ${timeouts.step / 1000} s, in spite of the limits of its own waits`,
    "This is a fault of the suite or of a machine that hangs; please report it with the run's log.",
  );
}
