import { injectionLabels } from '../../helpers/istio/revision.ts';
import { eventually } from '../../helpers/eventually/eventually.ts';
import { changeLine, DrainWatch } from '../../helpers/gate/drain-watch.ts';
import { expectedBy, expectedChanges } from '../../helpers/gate/expected-changes.ts';
import { tell } from '../../helpers/pause/pause.ts';
import { resolveIn } from '../../helpers/proxy/proxy.ts';
import type { ListenerChange } from '../../helpers/results/gate.ts';
import { timeouts } from '../../helpers/timeouts.ts';
import { accountFacts, findingsOf, withAccepted, type AcceptedCut } from '../../helpers/traffic/findings.ts';
import { Traffic, type TrafficOptions } from '../../helpers/traffic/traffic.ts';
import { formatEndpoint } from '../../helpers/trip/endpoint.ts';
import { ConformanceError } from '../../helpers/trip/finding.ts';
import type { Step } from '../document/step.ts';
import { proxyClusterOf } from '../document/sidecar.ts';
import { Testimonies } from '../document/testimony.ts';
import type { Mesh, World } from '../document/world.ts';
import type { Gate } from './gate.ts';
import { mustRunOn, operation, restarting } from './operations.ts';

/** Live traffic through the proxy that the document has set up, from before the upgrade until after it. */
export function trafficStarts(gate: Gate): readonly Step[] {
  return [
    operation(
      'TRAFFIC-1',
      'Live traffic flows: tunnels that stay open, and new requests',
      ['MESH-4'],
      async (world) => {
        const { session, kube } = gate;
        const proxy = await proxyOf(world);
        const cluster = proxyClusterOf(world);
        gate.traffic = await Traffic.start(kube, {
          curlImage: session.images.images.curl.reference,
          destination: session.destination,
          ...proxy,
          cluster,
          // Asked anew each time: an upgrade may change it.
          testimonyOf:
            session.existing?.istio === undefined
              ? undefined
              : (pod) =>
                  new Testimonies(kube, session.namespaces.mesh, session.existing?.dress.labels ?? {}).of(
                    pod,
                    proxy.via,
                  ),
          namespace: gate.trafficNamespace,
          rate: gate.plan.trafficRate,
          labels: session.existing === undefined ? injectionLabels(undefined) : undefined,
        });
        const { kept } = await gate.traffic.pods();
        const pod = { namespace: gate.trafficNamespace, pod: kept.metadata?.name ?? '' };
        const tunnels = { proxy: proxy.via, cluster };
        gate.watch = await DrainWatch.start(kube, pod, tunnels, (change) => {
          tell(session.runId, `  ! ${pod.pod}: ${changeLine(change)}`);
        });
        world.note('drain time', `${gate.watch.drainMs / 1000} s`);
      },
    ),
  ];
}

/**
 * The proxy as the live traffic's clients use it. A user's own has other clients as well and sees no pod's address, so its log
 * tells nothing of one connection among thousands.
 */
async function proxyOf(
  world: World,
): Promise<Pick<TrafficOptions, 'told' | 'via' | 'given' | 'credentials' | 'squid'>> {
  const { proxy } = world.session;
  const address = world.proxy();
  if (proxy.kind === 'deployed') {
    return { told: formatEndpoint(address), via: address, squid: world.squid() };
  }
  const { name, port, credentials } = proxy;
  const one = { credentials, squid: undefined };
  if (name === undefined) return { ...one, told: formatEndpoint(address), via: address };
  // As a pod of the mesh sees it: sidecars may answer DNS, with addresses of their own.
  const given = (await resolveIn(world.kube, world.meshClient(), name)).map((ip) => ({ ip, port }));
  return { ...one, told: `${name}:${port}`, via: given[0] ?? address, given };
}

/** Keeps the traffic up as long as the upgrade can still cut it, then ends it and judges its account. */
export function trafficEnds(gate: Gate): readonly Step[] {
  return [
    operation(
      'DRAIN-1',
      'The kept sidecar holds the listener of its tunnels, and no change that it took can cut one any more',
      [],
      (world) => nothingMustDrain(gate, world),
    ),
    operation('TRAFFIC-2', 'Every trip of the live traffic is accounted for', [], async (world) => {
      const { traffic } = gate;
      if (traffic === undefined) throw new TypeError('the live traffic was never started');
      gate.traffic = undefined;
      await gate.watch?.[Symbol.asyncDispose]();
      await using ending = traffic;
      const account = withAccepted(await ending.end(), acceptedCuts(gate));
      gate.account = account;
      for (const [name, value] of Object.entries(accountFacts(account))) world.note(name, value);
      const findings = findingsOf(account);
      if (findings.length > 0) throw new ConformanceError(findings);
    }),
  ];
}

/** By how much later than its drain time Envoy may close a connection. */
const closingMs = 2000;

/** The tunnels stay open until the drain time is over since the last change; a listener that was replaced is red at once. */
async function nothingMustDrain(gate: Gate, world: World): Promise<void> {
  const { watch, traffic, session } = gate;
  if (watch === undefined || traffic === undefined) throw new TypeError('the live traffic was never started');
  const { drainMs } = watch;
  const from = traffic.now();
  let drained: number | undefined;
  for (;;) {
    const until = await watch.drainedAt(traffic.startedAt);
    const changes = judgedChanges(gate, watch);
    gate.drain = { pod: watch.pod.pod, drainMs, changes, waitedMs: Math.max(0, traffic.now() - from) };
    mustBeAccepted(changes);
    if (until === undefined || until === drained) break;
    drained = until;
    const left = until + closingMs - traffic.now();
    if (left <= 0) continue;
    const since = new Date(until - drainMs).toISOString().slice(11, 19);
    tell(
      session.runId,
      `  … ${Math.ceil(left / 1000)} s until the drain time (${drainMs / 1000} s) of the last change that ${watch.pod.pod} took, at ${since}, is over`,
    );
    await eventually(
      'the drain time to be over',
      () => {
        const rest = until + closingMs - traffic.now();
        if (rest > 0) throw new Error(`${Math.ceil(rest / 1000)} s are left`);
      },
      { timeoutMs: left + timeouts.statements, intervalMs: 250 },
    );
  }
  await traffic.exchangedAfter(traffic.now());
  world.note('drain time', `${drainMs / 1000} s`);
  world.note('changes', describeChanges(gate.drain.changes));
  world.note('waited', `${(gate.drain.waitedMs / 1000).toFixed(1)} s`);
}

/** The changes, each difference with the reason of the entry that accepts it. */
function judgedChanges(gate: Gate, { changes }: DrainWatch): ListenerChange[] {
  const reviewed = expectedChanges(gate.plan.expectedChanges);
  const pair = gate.pair();
  return changes.map((change) => ({
    ...change,
    differences: change.differences.map((difference) => {
      const entry = expectedBy({ kind: 'drain', ...difference }, reviewed, pair);
      return entry === undefined ? difference : { ...difference, accepted: entry.reason };
    }),
  }));
}

function isAccepted({ differences }: ListenerChange): boolean {
  return differences.every(({ accepted }) => accepted !== undefined);
}

function mustBeAccepted(changes: readonly ListenerChange[]): void {
  const findings = changes
    .filter((change) => !isAccepted(change))
    .map((change) => ({
      cause: 'LISTENER_REPLACED' as const,
      seen: `${changeLine(change)}; Envoy closes what is open on the old one at ${change.drainedAt.slice(11, 23)}`,
      expected: 'the listener that the tunnels opened on, or an entry of kind drain that accepts the change',
    }));
  if (findings.length > 0) throw new ConformanceError(findings);
}

function describeChanges(changes: readonly ListenerChange[]): string {
  if (changes.length === 0) return 'none';
  return changes.map((change) => `${changeLine(change)} (accepted)`).join('; ');
}

/** Cuts that an accepted change of the listener explains. */
function acceptedCuts({ drain }: Gate): AcceptedCut[] {
  return (drain?.changes ?? []).filter(isAccepted).map(({ at, drainedAt, differences }) => ({
    from: Date.parse(at),
    until: Date.parse(drainedAt) + 2 * closingMs,
    reason: differences.map(({ accepted = '' }) => accepted).join('; '),
  }));
}

/** Rolls the workload that is restarted, and wants its sidecar to be of this mesh. */
export async function restartTraffic(gate: Gate, world: World, mesh: Mesh): Promise<void> {
  const { traffic } = gate;
  if (traffic === undefined) throw new TypeError('the live traffic was never started');
  const { after } = await restarting(gate, () => traffic.restart());
  world.note('sidecar', await mustRunOn(gate, after, mesh));
}
