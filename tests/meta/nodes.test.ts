import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { configurationSchema } from '../../helpers/configuration/configuration.ts';
import { collectEvidence } from '../../helpers/diagnose/evidence.ts';
import { silent } from '../../helpers/progress/progress.ts';
import { Report } from '../../helpers/report/report.ts';
import type { StepRecord } from '../../helpers/results/step.ts';
import { openSession } from '../../helpers/session/open-session.ts';
import { planOf } from '../../helpers/session/proxy.ts';
import { newRunId, type Session } from '../../helpers/session/session.ts';
import '../../helpers/trip/matchers.ts';
import type { Step } from '../../suites/document/step.ts';
import { World } from '../../suites/document/world.ts';
import { Pass, recordOf } from '../../suites/pass.ts';
import { stepsFor } from '../../suites/steps.ts';

/** A run with `--nodes 3 --every-node`. */
const plan = planOf(
  configurationSchema.parse({ nodes: 3, everyNode: true, target: 'hermetic', images: 'source' }),
);
const steps = stepsFor(plan);

let folder: string;
let session: Session;
let world: World;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nodes-'));
  session = await openSession(plan, new Report(folder, newRunId(), plan.configuration), silent);
  world = new World(session.facts);
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await session[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function taken(chosen: readonly Step[]): Promise<StepRecord[]> {
  const pass = new Pass(world);
  const records: StepRecord[] = [];
  for (const step of chosen) {
    const record = recordOf(step);
    records.push(record);
    await pass.take(step, record);
  }
  return records;
}

test('from each of three nodes the page arrives, and client and proxy are on different ones', async () => {
  const records = await taken(
    steps.filter(({ section, id }) => id === 'NODE-1' || !['cleanup', 'controls'].includes(section)),
  );
  for (const { id, status, reason } of records) expect(`${id} ${status} ${reason}`).toBe(`${id} passed `);
  const facts = (id: string): Readonly<Record<string, string>> =>
    records.find((record) => record.id === id)?.facts ?? {};
  expect(facts('NODE-1')).toMatchObject({ nodes: 'agent-1, agent-2, server' });
  const used = [facts('BEFORE-3')['node'], facts('PROXY-4')['node']];
  expect(new Set(used).size).toBe(2);
});

test('evidence has each node, and not what an agent proves itself with', async () => {
  const { cluster, images } = session.facts;
  const to = join(folder, 'evidence');
  const files = await collectEvidence({
    ...{ folder: to, title: '', cluster, images, findings: [], trips: [], proxy: undefined, message: '' },
  });
  const names = files.filter(({ problem }) => problem === undefined).map(({ file }) => file);
  for (const node of ['node', 'node/agent-1', 'node/agent-2']) {
    expect(names).toEqual(expect.arrayContaining([`${node}/container.log`, `${node}/kubelet.log`]));
    expect(await readFile(join(to, node, 'inspect.json'), 'utf8')).not.toMatch(/K3S_TOKEN=[0-9a-f]/);
  }
});
