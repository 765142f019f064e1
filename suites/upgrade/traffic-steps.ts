import type { ImageSet } from '../../helpers/images/roles.ts';
import { injectionLabels, type Revision } from '../../helpers/istio/revision.ts';
import { accountFacts, findingsOf } from '../../helpers/traffic/findings.ts';
import { Traffic } from '../../helpers/traffic/traffic.ts';
import { ConformanceError } from '../../helpers/trip/finding.ts';
import { proxyClusterOf } from '../document/sidecar.ts';
import type { Step } from '../document/step.ts';
import { sidecarOfSet, type World } from '../document/world.ts';
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
        gate.traffic = await Traffic.start(kube, {
          curlImage: session.images.images.curl.reference,
          destination: session.destination,
          proxy: world.proxy(),
          squid: world.squid(),
          cluster: proxyClusterOf(world),
          labels: injectionLabels(undefined),
        });
      },
    ),
  ];
}

/** Ends the traffic and judges its account. */
export function trafficEnds(gate: Gate): readonly Step[] {
  return [
    operation('TRAFFIC-2', 'Every trip of the live traffic is accounted for', [], async (world) => {
      const { traffic } = gate;
      if (traffic === undefined) throw new TypeError('the live traffic was never started');
      gate.traffic = undefined;
      await using ending = traffic;
      const account = await ending.end();
      gate.account = account;
      for (const [name, value] of Object.entries(accountFacts(account))) world.note(name, value);
      const findings = findingsOf(account);
      if (findings.length > 0) throw new ConformanceError(findings);
    }),
  ];
}

/** Rolls the workload that is restarted, and wants its sidecar as told. */
export async function restartTraffic(
  gate: Gate,
  world: World,
  { sidecar, revision }: { readonly sidecar: ImageSet; readonly revision: Revision },
): Promise<void> {
  const { traffic } = gate;
  if (traffic === undefined) throw new TypeError('the live traffic was never started');
  const { after } = await restarting(gate, () => traffic.restart());
  world.note('sidecar', await mustRunOn(gate, after, { sidecar: sidecarOfSet(sidecar), revision }));
}
