import { afterAll, beforeAll, inject, test } from 'vitest';
import { takeSnapshot } from '../../helpers/kube/snapshot.ts';
import { findingsOf } from '../../helpers/trip/findings-of.ts';
import { notCompared, resetDocument } from './prepare.ts';
import { withNeeds } from './step.ts';
import { documentSteps } from './steps.ts';
import { World } from './world.ts';

const session = inject('session');
const { steps: chosen } = session.configuration;
const steps = chosen.length === 0 ? documentSteps : withNeeds(documentSteps, chosen);

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
    const [root] = step.needs.flatMap((need) => broken.get(need) ?? []);
    if (root !== undefined) {
      broken.set(id, root);
      skip(`because step ${root} failed`);
    }
    try {
      await step.run(world);
    } catch (error) {
      broken.set(id, id);
      task.meta.step = { ...meta, findings: findingsOf(error) };
      throw error;
    }
  });
}
