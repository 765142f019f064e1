import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { V1Pod } from '@kubernetes/client-node';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { preparedFolder } from '../../helpers/cluster/store.ts';
import { configurationSchema } from '../../helpers/configuration/configuration.ts';
import { collectEvidence } from '../../helpers/diagnose/evidence.ts';
import { eventually } from '../../helpers/eventually/eventually.ts';
import { merge } from '../../helpers/kube/apply.ts';
import { kubeObject } from '../../helpers/kube/manifests.ts';
import { isReady, livePods } from '../../helpers/kube/workloads.ts';
import { silent } from '../../helpers/progress/progress.ts';
import { Report } from '../../helpers/report/report.ts';
import type { StepRecord } from '../../helpers/results/step.ts';
import { openSession } from '../../helpers/session/open-session.ts';
import { planOf } from '../../helpers/session/proxy.ts';
import { newRunId, type Session } from '../../helpers/session/session.ts';
import '../../helpers/trip/matchers.ts';
import { resetDocument } from '../../suites/document/prepare.ts';
import type { Step } from '../../suites/document/step.ts';
import { World } from '../../suites/document/world.ts';
import { Pass, recordOf } from '../../suites/pass.ts';
import { chosenSteps, stepsFor } from '../../suites/steps.ts';

/** A run with `--nodes 3 --every-node`. */
const settings = { nodes: 3, everyNode: true, target: 'hermetic', images: 'source' };
const plan = planOf(configurationSchema.parse(settings));
const steps = stepsFor(plan);
/** With `--reuse --step NODE-1` as well, but for the installation, which is there. */
const again = chosenSteps(planOf(configurationSchema.parse({ ...settings, steps: ['NODE-1'] }))).filter(
  ({ id }) => id !== 'BEFORE-1',
);

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

async function taken(chosen: readonly Step[], within = world): Promise<StepRecord[]> {
  const pass = new Pass(within);
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

async function takenAgain(): Promise<StepRecord | undefined> {
  await using its = new World(session.facts);
  return (await taken(again, its)).find(({ id, status }) => id === 'NODE-1' || status !== 'passed');
}

function nodesOfCluster(): readonly { readonly name: string; readonly containerId: string }[] {
  const { containerId: server = '', agents = [] } = session.facts.cluster;
  return [...agents, { name: 'server', containerId: server }];
}

/** Rules of one node for what its own pods send: table, chain, what it meets and does. */
const alone = [
  {
    what: 'the way to the proxy drops',
    rule: 'mangle FORWARD --protocol tcp --dport 3128 --jump DROP',
    cause: 'PROXY_UNREACHABLE',
  },
  {
    what: 'DNS drops',
    rule: 'mangle FORWARD --protocol udp --dport 53 --jump DROP',
    cause: 'SIDECAR_CANNOT_REACH_ISTIOD',
  },
  {
    what: 'Service addresses lead nowhere',
    rule: 'nat PREROUTING --destination 10.43.0.0/16 --jump ACCEPT',
    cause: 'SIDECAR_CANNOT_REACH_ISTIOD',
  },
];

test.each(alone)('of three nodes the one is named where $what', async ({ rule, cause }) => {
  const nodes = nodesOfCluster();
  const { items } = await world.kube.core.listPodForAllNamespaces();
  const used = items.filter(({ metadata: { namespace = '', name = '' } = {} }) =>
    /^(default\/curl|external\/squid)-/.test(`${namespace}/${name}`),
  );
  // What NODE-1 needs is green without it.
  const broken =
    nodes.find(({ name }) => !used.some(({ spec }) => spec?.nodeName === name)) ??
    expect.fail('client and proxy are on every node');
  const [table = '', chain = '', ...match] = rule.split(' ');
  const iptables = (deed: '--insert' | '--delete') =>
    execa('docker', [
      ...['exec', broken.containerId, 'iptables', '--wait', '--table', table],
      ...[deed, chain, '--in-interface', 'cni0', ...match],
    ]);
  await iptables('--insert');
  const record = await takenAgain().finally(() => iptables('--delete'));
  expect(record).toMatchObject({ id: 'NODE-1', status: 'failed' });
  const others = nodes.map(({ name }) => name).filter((name) => name !== broken.name);
  expect(record?.findings[0]).toMatchObject({
    cause,
    seen: expect.stringMatching(`^on node ${broken.name}, and not on ${others.join(', ')}: `) as string,
  });
});

test('none is once that is over', async () => {
  const record = await takenAgain();
  expect(`${record?.status ?? ''} ${record?.reason ?? ''}`).toBe('passed ');
});

test('of two nodes the proxy has one and both clients the other, however late it gets there', async () => {
  const { kube } = world;
  await resetDocument(kube, session.facts);
  const cordoned = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'agent-2' },
    spec: { unschedulable: true },
  };
  await merge(kube, cordoned);
  await using its = new World(session.facts);
  its.fixtures.alter('document/squid.yaml', (text) =>
    text.replace(
      '      containers:',
      '      schedulingGates: [{ name: example.com/held }]\n      containers:',
    ),
  );
  const pass = new Pass(
    its,
    steps.filter(({ id }) => /^(BEFORE-2|PROXY-[1-5])$/.test(id)),
  );
  pass.begin();
  const pods = async (namespace: string, app: string): Promise<V1Pod[]> =>
    livePods(kube, namespace, `app=${app}`);
  const name = await eventually(
    'the client in the mesh to be ready, and Squid to wait',
    async () => {
      const [client] = await pods('default', 'curl');
      const [squid] = await pods('external', 'squid');
      if (client === undefined || !isReady(client) || squid?.metadata?.name === undefined) {
        throw new Error('not yet');
      }
      return squid.metadata.name;
    },
    { timeoutMs: 60_000 },
  );
  expect(await pods('external', 'curl')).toEqual([]);
  const free = { spec: { schedulingGates: null } };
  await merge(kube, kubeObject('Pod', { namespace: 'external', name }, free));
  await pass.end();
  const nodeOf = (namespace: string, app: string): Promise<string> =>
    eventually(
      `${namespace}/${app} to have a node`,
      async () => (await pods(namespace, app))[0]?.spec?.nodeName ?? expect.fail('it has none'),
      { timeoutMs: 60_000 },
    );
  const inMesh = await nodeOf('default', 'curl');
  expect([inMesh, await nodeOf('external', 'squid')].sort()).toEqual(['agent-1', 'server']);
  expect(await nodeOf('external', 'curl')).toBe(inMesh);
});

test('a node reads the prepared layers and blobs where they are, and has no copy of them', async ({
  skip,
}) => {
  const containers = nodesOfCluster().map(({ containerId }) => containerId);
  const [first = ''] = containers;
  const find = async (node: string, ...path: readonly string[]): Promise<string[]> => {
    const { stdout } = await execa('docker', ['exec', node, 'find', ...path], { reject: false });
    return stdout.split('\n').filter((line) => line !== '');
  };
  const layers = await find(first, preparedFolder, '-path', '*overlayfs/snapshots/*', '-prune');
  if (layers.length === 0)
    skip('nothing is prepared where the engine does not see the files of this machine');
  const blobs = await find(first, preparedFolder, '-path', '*/blobs/sha256/*');
  const wanted = [...layers, ...blobs].sort();
  for (const node of containers) {
    const links = await find(node, '/var/lib/rancher/k3s/agent/containerd', '-type', 'l', '-printf', '%l\\n');
    expect(links.sort()).toEqual(wanted);
  }
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
