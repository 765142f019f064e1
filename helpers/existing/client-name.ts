import type { V1LabelSelector, V1Pod } from '@kubernetes/client-node';
import { EnvironmentError, UsageError } from '../errors.ts';
import type { Configuration } from '../configuration/configuration.ts';
import { createdAt, unlessRefused, type Kube } from '../kube/client.ts';
import { describePod, isReady } from '../kube/workloads.ts';

/** `--client` in parts: a pod by its name, or one of a Deployment, or one with these labels. */
export interface ClientName {
  readonly namespace: string;
  /** Of a Deployment or by labels it is looked for: another one after each rollout. */
  readonly pod: string | undefined;
  readonly deployment: string | undefined;
  /** As kubectl's --selector has it. */
  readonly labels: string | undefined;
  /** Undefined: the pod's only one. */
  readonly container: string | undefined;
}

/** The client that `--client` names; undefined without it. */
export function clientNamed({ client }: Pick<Configuration, 'client'>): ClientName | undefined {
  if (client === undefined) return undefined;
  const [, namespace = '', rest = ''] = /^([^/]*)\/(.*)$/.exec(client) ?? [];
  const [, labels, ofLabels] = /^(.*=[^/]*)(?:\/(.*))?$/.exec(rest) ?? [];
  if (labels !== undefined) {
    return { namespace, pod: undefined, deployment: undefined, labels, container: ofLabels };
  }
  const [first = '', second, third] = rest.split('/');
  if (/^deploy(ment)?$/.test(first) && second !== undefined) {
    return { namespace, pod: undefined, deployment: second, labels: undefined, container: third };
  }
  return { namespace, pod: first, deployment: undefined, labels: undefined, container: second };
}

/** As the user said it, without the container. */
export function toldClient({ namespace, pod, deployment, labels }: ClientName): string {
  return `${namespace}/${pod ?? labels ?? `deployment/${deployment ?? ''}`}`;
}

/**
 * The pod that is the client: of several that are ready, the youngest, which a rollout leaves.
 * @throws UsageError when there is none
 * @throws EnvironmentError when none is ready
 */
export async function podOf(kube: Kube, name: ClientName): Promise<V1Pod> {
  const { namespace } = name;
  const where = toldClient(name);
  if (name.pod !== undefined) {
    const pod = await kube.core.readNamespacedPod({ namespace, name: name.pod }).catch(unlessRefused(404));
    if (pod !== undefined) return pod;
    throw new UsageError(
      `--client ${where}: there is no such pod`,
      `kubectl get pods -n ${namespace} lists them. The pod of a Deployment has another name after each rollout: --client ${namespace}/deployment/NAME takes the one of the day.`,
    );
  }
  const labelSelector = name.labels ?? (await selectorOf(kube, name));
  const { items } = await kube.core.listNamespacedPod({ namespace, labelSelector });
  const staying = items.filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
  const [youngest] = staying.filter(isReady).sort((a, b) => createdAt(b) - createdAt(a));
  if (youngest !== undefined) return youngest;
  if (staying.length === 0) {
    throw new UsageError(
      `--client ${where}: there is no pod of it`,
      `kubectl get pods -n ${namespace} -l '${labelSelector}' lists none that stays.`,
    );
  }
  throw new EnvironmentError(
    `--client ${where}: no pod of it is ready: ${staying.map(describePod).join('; ')}`,
    'Requests are sent from a pod that serves: wait until one is ready, or choose another client.',
  );
}

async function selectorOf(kube: Kube, name: ClientName): Promise<string> {
  const { namespace, deployment = '' } = name;
  const found = await kube.apps
    .readNamespacedDeployment({ namespace, name: deployment })
    .catch(unlessRefused(404));
  if (found !== undefined) return selectorText(found.spec?.selector ?? {});
  throw new UsageError(
    `--client ${toldClient(name)}: there is no such Deployment`,
    `kubectl get deployments -n ${namespace} lists them.`,
  );
}

/** A label selector as lists take it. */
function selectorText({ matchLabels = {}, matchExpressions = [] }: V1LabelSelector): string {
  const expressions = matchExpressions.map(({ key, operator, values = [] }) => {
    if (operator === 'Exists') return key;
    if (operator === 'DoesNotExist') return `!${key}`;
    return `${key} ${operator === 'In' ? 'in' : 'notin'} (${values.join(',')})`;
  });
  return [...Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`), ...expressions].join(',');
}
