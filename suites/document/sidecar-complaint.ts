import type { V1Pod } from '@kubernetes/client-node';
import { proxyVariablesOf } from '../../helpers/istio/agent-words.ts';
import { complaintIn } from '../../helpers/istio/sidecar-watch.ts';
import { sidecarContainerOf } from '../../helpers/istio/sidecar.ts';
import { listOf, nameOf } from '../../helpers/kube/client.ts';
import type { Finding } from '../../helpers/trip/finding.ts';
import { perhapsBy } from './carrier.ts';
import { others } from './others.ts';
import type { World } from './world.ts';

/** Why this pod's sidecar has no configuration, by its own log and its own settings; undefined where it does not complain. */
export async function sidecarComplaint(world: World, pod: V1Pod): Promise<Finding | undefined> {
  const complaint = await complaintIn(world.kube, pod);
  if (complaint === undefined) return undefined;
  if (complaint.kind === 'rejected') {
    return {
      cause: 'CONFIG_REJECTED',
      seen: `Envoy rejects ${complaint.words}${await perhapsBy(world)}`,
      expected: 'a sidecar that takes everything it is sent',
    };
  }
  const variables = proxyVariablesOf(sidecarContainerOf(pod)?.env);
  const lead = variables.filter((text) => !/^no_proxy=/i.test(text));
  const parts = [`istio-proxy says: ${complaint.words}`];
  if (lead.length > 0) {
    const configs = (await others(world)).filter(({ kind }) => kind === 'ProxyConfig').map(nameOf);
    const annotated = pod.metadata?.annotations?.['proxy.istio.io/config'] !== undefined;
    const by = annotated
      ? 'by the annotation proxy.istio.io/config of the pod'
      : configs.length > 0
        ? `by ${configs.join(' or ')}`
        : "by meshConfig.defaultConfig.proxyMetadata or the injector's template";
    parts.push(`its own container has ${variables.join(', ')}, set ${by}`);
  } else {
    const policies = await policiesOf(world);
    if (policies.length > 0) parts.push(`there is ${policies.join(', ')}`);
  }
  return {
    cause: 'SIDECAR_CANNOT_REACH_ISTIOD',
    seen: parts.join('; '),
    expected: 'a connection from the sidecar to istiod, which no proxy variable, DNS or policy prevents',
  };
}

async function policiesOf({ kube, clientNamespace }: World): Promise<string[]> {
  const policies = await listOf(kube, 'networking.k8s.io/v1', 'NetworkPolicy');
  return policies.filter(({ metadata }) => metadata?.namespace === clientNamespace).map(nameOf);
}
