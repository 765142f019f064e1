import { afterAll, beforeAll, inject, test } from 'vitest';
import { takeSnapshot } from '../helpers/kube/snapshot.ts';
import { notCompared, resetDocument } from './document/prepare.ts';
import { World } from './document/world.ts';
import { Pass } from './pass.ts';
import { chosenSteps } from './steps.ts';

const session = inject('session');
const steps = chosenSteps(session.configuration.steps);

let world: World;
let pass: Pass;

beforeAll(async () => {
  world = new World(session);
  pass = new Pass(world);
  if (session.cluster.reused) await resetDocument(world.kube);
  world.before.set(await takeSnapshot(world.kube, notCompared));
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

for (const step of steps) {
  test(`${step.id} ${step.title}`, async ({ task, skip }) => {
    const { id, title, section, commands } = step;
    const outcome = await pass.take(step);
    task.meta.step = {
      id,
      title,
      section,
      command: commands.join('\n'),
      ...outcome.record,
      findings: outcome.status === 'failed' ? outcome.findings : [],
      versions: world.versions,
    };
    if (outcome.status === 'skipped') skip(outcome.because);
    if (outcome.status === 'failed') throw outcome.error;
  });
}
