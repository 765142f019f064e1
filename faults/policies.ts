import { eventually } from '../helpers/eventually/eventually.ts';
import { exec, type PodRef } from '../helpers/kube/exec.ts';
import { timeouts } from '../helpers/timeouts.ts';
import { identified, type Fault, type FaultEntry } from './fault.ts';
import { networkPolicy, type ManifestObject } from './objects.ts';
import type { Rig } from './rig.ts';

/** A NetworkPolicy that forbids something, and a request that shows whether the node enforces it yet. */
interface Forbidding {
  readonly where: 'mesh' | 'external';
  readonly name: string;
  readonly spec: (rig: Rig) => object;
  /** Whose request it is, and curl's arguments for it. */
  readonly from: (rig: Rig) => PodRef;
  readonly request: (rig: Rig) => readonly string[];
}

/** A policy that the node enforces before the step begins; afterwards the way is free again. */
function policyFault(
  title: string,
  step: string,
  { where, name, spec, from, request }: Forbidding,
): FaultEntry {
  const policy = (rig: Rig): ManifestObject =>
    networkPolicy((where === 'mesh' ? rig.inMesh(name) : rig.outside(name)).namespace, name, spec(rig));
  const mustBe = (rig: Rig, forbidden: boolean): Promise<void> =>
    eventually(
      `NetworkPolicy ${name} ${forbidden ? 'to be enforced' : 'to be forgotten'}`,
      async () => {
        const curl = ['curl', '--silent', '--output', '/dev/null', '--max-time', '2', ...request(rig)];
        const { exitCode } = await exec(rig.kube, from(rig), curl);
        if ((exitCode !== 0) !== forbidden) throw new Error(`curl ended with exit code ${exitCode}`);
      },
      { timeoutMs: timeouts.configPush, intervalMs: 100 },
    );
  return {
    title,
    before: step,
    expect: { step, cause: 'NETWORK_POLICY', names: name },
    inject: async (rig) => {
      await rig.apply(policy(rig));
      await mustBe(rig, true);
    },
    undo: async (rig) => {
      await rig.remove(policy(rig));
      await mustBe(rig, false);
    },
  };
}

const squid = ({ edition: { proxy } }: Rig): object => ({ matchLabels: { app: proxy.app } });
/** Squid answers it with an error page. */
const toProxy = ({ world }: Rig): string => `http://${world.proxy().ip}:${world.proxy().port}/`;

const denyEgress = { podSelector: {}, policyTypes: ['Egress'] };

/** Causes that only a node shows that enforces NetworkPolicies, as k3s does. */
export const policyFaults: readonly Fault[] = identified<FaultEntry>({
  'POLICY-PROXY-CLOSED': policyFault('A NetworkPolicy lets nobody in to Squid', 'PROXY-8', {
    where: 'external',
    name: 'nobody-in',
    spec: (rig) => ({ podSelector: squid(rig), policyTypes: ['Ingress'] }),
    from: ({ world }) => world.outsideClient(),
    request: (rig) => [toProxy(rig)],
  }),
  'POLICY-PROXY-NO-EGRESS': policyFault('A NetworkPolicy lets Squid out to nobody', 'PROXY-8', {
    where: 'external',
    name: 'squid-stays-in',
    spec: (rig) => ({ podSelector: squid(rig), policyTypes: ['Egress'] }),
    from: ({ world }) => world.outsideClient(),
    request: (rig) => ['--insecure', '--proxy', toProxy(rig), rig.world.session.destination.url],
  }),
  'POLICY-DENIES-EGRESS': policyFault('A default-deny NetworkPolicy for egress in the mesh', 'MESH-2', {
    where: 'mesh',
    name: 'default-deny',
    spec: () => denyEgress,
    from: ({ world }) => world.meshClient(),
    request: (rig) => [toProxy(rig)],
  }),
  'POLICY-CUTS-ISTIOD': {
    title: 'A default-deny NetworkPolicy keeps a new sidecar from istiod',
    before: 'BEFORE-2',
    expect: { step: 'BEFORE-2', cause: 'SIDECAR_CANNOT_REACH_ISTIOD', names: 'default-deny' },
    objects: (rig) => [networkPolicy(rig.inMesh('default-deny').namespace, 'default-deny', denyEgress)],
    inject: (rig) => rig.removeClient(),
  },
});
