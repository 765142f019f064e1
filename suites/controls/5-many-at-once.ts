import type { V1Pod } from '@kubernetes/client-node';
import { EnvironmentError } from '../../helpers/errors.ts';
import { EventuallyError } from '../../helpers/eventually/eventually.ts';
import { heldPath } from '../../helpers/destination/hermetic.ts';
import { RequestCount } from '../../helpers/kube/requests.ts';
import { containerStatuses, deploymentMustBeReady, livePods } from '../../helpers/kube/workloads.ts';
import { Clients } from '../../helpers/scale/clients.ts';
import {
  clientsMustFit,
  mustHaveBeenAtOnce,
  mustNotBeTooMany,
  squidMustHaveFiles,
} from '../../helpers/scale/limits.ts';
import { atOnce, holdSeconds, loadOf, tripsIn, type Load, mostAtOnce } from '../../helpers/scale/load.ts';
import { clientsName, clientsObjects } from '../../helpers/scale/objects.ts';
import { unsoundOf } from '../../helpers/scale/trip-findings.ts';
import { timeouts } from '../../helpers/timeouts.ts';
import type { ReadSidecarLine } from '../../helpers/trip/envoy.ts';
import { proxy } from '../../helpers/trip/expectations.ts';
import { ConformanceError, type Finding } from '../../helpers/trip/finding.ts';
import type { LogWitness, Trip } from '../../helpers/trip/statements.ts';
import { fail } from '../document/must.ts';
import { documentsSidecar } from '../document/sidecar.ts';
import { inSection } from '../document/step.ts';
import type { World } from '../document/world.ts';
import { withObjects } from './absence.ts';

/** Many pods with many tunnels each at once, where a run asks for more than the document's one request. */
export const manyAtOnce = inSection('controls', {
  'SCALE-1': {
    title: 'Of many tunnels from many pods at once, each has exactly its own statements, and none is lost',
    needs: ['MESH-2', 'PROXY-8'],
    when: ({ configuration }) => loadOf(configuration) !== undefined,
    run: (world) => tellingLimits(() => manyTripsMustBeSound(world)),
  },
});

async function manyTripsMustBeSound(world: World): Promise<void> {
  const load = loadOf(world.session.configuration);
  if (load === undefined) return;
  using requests = new RequestCount(world.kube);
  const effort = new Effort();
  const squid = world.squid();
  const files = await squidMustHaveFiles(world.kube, squid, load);
  await clientsMustFit(world.kube, load, squid);
  world.note('load', `${load.clients} pods × ${load.tunnels} tunnels at once × ${load.waves} waves`);
  const objects = await clientsObjects({
    namespace: world.namespaces.mesh,
    load,
    curlImage: world.session.images.images.curl.reference,
    destination: world.session.destination,
    proxy: world.proxy(),
  });
  await withObjects(world, objects, async () => {
    const pods = await clientsMustBeReady(world);
    effort.lap('pods ready');
    await using clients = await Clients.start(world.kube, {
      ...{ load, pods, squid },
      url: new URL(heldPath, world.session.destination.url).href,
      via: world.proxy(),
      origin: originOf(world),
      readSidecar: await readerFor(world, pods),
    });
    effort.lap('streams open');
    for (let wave = 1; wave <= load.waves; wave += 1) await clients.wave(wave);
    effort.lap('traffic');
    const { trips, unclaimed } = await clients.trips();
    const findings = await judged(world, load, trips, unclaimed);
    effort.lap('judgement');
    world.note('Squid may open', Number.isFinite(files) ? `${files} files` : 'any number of files');
    for (const [name, value] of Object.entries(effort.facts(trips.length))) world.note(name, value);
    const { total, counts } = requests;
    world.note(
      'API requests',
      `${total} (${counts.exec} exec, ${counts.log} logs, ${counts.read} reads, ${counts.write} writes)`,
    );
    if (findings.length > 0) throw new ConformanceError(findings, world.firstTrip());
    everyWaveMustHaveBeenAtOnce(world, load, trips);
  });
}

/** A limit fails the step like any other cause, with what to do about it. */
async function tellingLimits(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof EnvironmentError) || error.code !== 'SCALE_LIMIT') throw error;
    fail('SCALE_LIMIT', error.message, error.hint);
  }
}

/** The sidecars of one Deployment write their logs alike. */
async function readerFor(world: World, [pod]: readonly V1Pod[]): Promise<ReadSidecarLine | undefined> {
  const { namespace = '', name = '' } = pod?.metadata ?? {};
  const client = { namespace, pod: name, container: 'client' };
  const testimony = await world.witnesses.testimonyOf?.(client, world.proxy());
  if (testimony?.by === 'counters') {
    throw new EnvironmentError(
      `Each of many tunnels at once needs a log line of its sidecar: ${testimony.why}`,
      "Write the access log to /dev/stdout in the clients' namespace, or leave out --clients and --tunnels.",
    );
  }
  return testimony?.read;
}

async function clientsMustBeReady(world: World): Promise<V1Pod[]> {
  try {
    return await deploymentMustBeReady(world.kube, world.namespaces.mesh, clientsName, {
      timeoutMs: timeouts.clientsReady,
      intervalMs: 1000,
    });
  } catch (error) {
    if (!(error instanceof EventuallyError)) throw error;
    mustNotBeTooMany(`${error.message}${await lastWords(world)}`);
    fail('WORKLOAD_NOT_READY', error.message, `Deployment ${world.namespaces.mesh}/${clientsName} is ready`);
  }
}

/** What a sidecar that keeps ending said last. */
async function lastWords({ kube, namespaces }: World): Promise<string> {
  const namespace = namespaces.mesh;
  const pods = await livePods(kube, namespace, `app=${clientsName}`);
  const ended = pods.find((pod) =>
    containerStatuses(pod).some(({ name, restartCount }) => name === 'istio-proxy' && restartCount > 0),
  );
  const name = ended?.metadata?.name;
  if (name === undefined) return '';
  const asked = { name, namespace, container: 'istio-proxy', previous: true, tailLines: 3 };
  const said = await kube.core.readNamespacedPodLog(asked).catch(() => '');
  return said === '' ? '' : ` It said: ${said.trim().split('\n').at(-1) ?? ''}`;
}

function originOf({ session }: World): { namespace: string; pod: string; container: string } {
  const { origin } = session.destination;
  if (origin === undefined) throw new TypeError('there is no origin of our own');
  return origin;
}

/** What is not as it must be; notes the sums, and the first trip of each cause as evidence. */
async function judged(
  world: World,
  load: Load,
  trips: readonly Trip[],
  unclaimed: Readonly<Record<LogWitness, readonly string[]>>,
): Promise<Finding[]> {
  const expectations = [
    documentsSidecar(world),
    proxy({ result: 'TCP_TUNNEL/200' }),
    ...world.witnesses.originExpectations(),
  ];
  const unsound = unsoundOf(trips, expectations, world.session.destination.title);
  for (const trip of unsound.count === 0 ? trips.slice(0, 1) : unsound.examples) world.evidence(trip);
  const lines = (witness: LogWitness): number =>
    trips.reduce((sum, trip) => sum + (trip[witness]?.length ?? 0), unclaimed[witness].length);
  const completed = trips.filter(({ client }) => client.exitCode === 0).length;
  const ambiguous = trips.filter(({ ambiguities }) => ambiguities.length > 0).length;
  world.note('trips', `${tripsIn(load)} asked for, ${completed} completed, ${unsound.count} not as expected`);
  world.note('lines', `sidecars ${lines('sidecar')}, Squid ${lines('proxy')}, origin ${lines('origin')}`);
  world.note('ambiguous', String(ambiguous));
  const strange = (['sidecar', 'proxy', 'origin'] as const).flatMap((witness): Finding[] => {
    const [first] = unclaimed[witness];
    if (first === undefined) return [];
    const seen = `${unclaimed[witness].length} lines of the ${witness} about these clients belong to no trip; the first: ${first}`;
    return [{ cause: 'DUPLICATE_STATEMENT', seen, expected: 'a line for each trip, and no other' }];
  });
  const findings = [...unsound.findings, ...strange];
  return findings.length === 0 ? findings : [...(await restartsOf(world)), ...findings];
}

/** A proxy that was started again in between explains what is missing better than that it is missing. */
async function restartsOf(world: World): Promise<Finding[]> {
  const before = world.squidPod.get();
  const { name = '', namespace = '' } = before.metadata ?? {};
  const restarts = ({ status }: V1Pod): number =>
    status?.containerStatuses?.reduce((sum, { restartCount }) => sum + restartCount, 0) ?? 0;
  const now = await world.kube.core.readNamespacedPod({ namespace, name });
  if (restarts(now) <= restarts(before)) return [];
  const last = now.status?.containerStatuses?.[0]?.lastState?.terminated;
  const seen = `the proxy ended and was started again during the trips (exit code ${last?.exitCode ?? '?'}, ${last?.reason ?? '?'})`;
  return [{ cause: 'PROXY_POD_NOT_READY', seen, expected: 'a proxy that runs to the end of the trips' }];
}

/** @throws EnvironmentError when the load that was asked for was not there */
function everyWaveMustHaveBeenAtOnce(world: World, load: Load, trips: readonly Trip[]): void {
  const waves = Array.from({ length: load.waves }, (_none, index) => {
    const own = trips.slice(index * atOnce(load), (index + 1) * atOnce(load));
    return mostAtOnce(
      own.flatMap(({ proxy: lines }) =>
        (lines ?? []).map(({ endedAt, elapsedMs }) => ({ from: endedAt - elapsedMs, to: endedAt })),
      ),
    );
  });
  world.note('at once', `${waves.join(', ')} of ${atOnce(load)}, by Squid's own times`);
  for (const [index, most] of waves.entries()) mustHaveBeenAtOnce(load, index + 1, most, holdSeconds(load));
}

/** What the suite itself spends: time, processor and memory of this process. */
class Effort {
  readonly #laps: {
    readonly name: string;
    readonly at: number;
    readonly cpu: number;
    readonly rss: number;
  }[] = [];

  constructor() {
    this.lap('start');
  }

  lap(name: string): void {
    const { user, system } = process.cpuUsage();
    this.#laps.push({
      name,
      at: performance.now(),
      cpu: (user + system) / 1000,
      rss: process.memoryUsage().rss,
    });
  }

  /** Of each lap its time and this process's processor time in it. */
  facts(trips: number): Record<string, string> {
    const facts: Record<string, string> = {};
    for (const [index, { name, at, cpu }] of this.#laps.entries()) {
      const before = this.#laps[index - 1];
      if (before === undefined) continue;
      const perTrip = name === 'judgement' ? `, ${((cpu - before.cpu) / trips).toFixed(2)} ms a trip` : '';
      facts[name] =
        `${((at - before.at) / 1000).toFixed(1)} s, ${Math.round(cpu - before.cpu)} ms of this process${perTrip}`;
    }
    const sizes = this.#laps.map(({ rss }) => rss / 2 ** 20);
    facts['memory'] =
      `${Math.round(Math.max(...sizes))} MB of this process, ${Math.round(sizes[0] ?? 0)} MB before`;
    return facts;
  }
}
