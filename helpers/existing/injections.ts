import type { V1MutatingWebhookConfiguration, V1Namespace, V1Service } from '@kubernetes/client-node';
import type { Kube } from '../kube/client.ts';
import { firstOf } from '../text-table.ts';
import { configurationsOf, injects } from './found-istio.ts';
import type { Plane } from './planes.ts';

/** Pods of a namespace that an injector adds sidecars to when they start. */
export interface Injection {
  readonly namespace: string;
  /** What the namespace says of it: `istio.io/rev=stable`; '' where its pods ask by themselves. */
  readonly label: string;
  /** The pods: all of them, or those that ask for a sidecar. */
  readonly pods: 'all' | 'asking';
  /** Whose injector it is. */
  readonly revision: string;
  /** The Service that the API server asks for it, `namespace/name`; '' where it asks a URL. */
  readonly service: string;
}

/** Who gets sidecars in a mesh, and of which control plane, as its injectors' selectors say. */
export interface Injections {
  readonly namespaces: readonly string[];
  /** `namespace/name` of those that are there. */
  readonly services: readonly string[];
  readonly injections: readonly Injection[];
}

const asking = { 'sidecar.istio.io/inject': 'true' };

/** Of every namespace of the cluster. Nothing is started: the selectors are read as the API server reads them. */
export async function injectionsOf(kube: Kube): Promise<Injections> {
  const [{ items: namespaces }, { items: services }, injectors] = await Promise.all([
    kube.core.listNamespace(),
    kube.core.listServiceForAllNamespaces(),
    configurationsOf(kube),
  ]);
  return injectionsIn(namespaces, services, injectors);
}

export function injectionsIn(
  namespaces: readonly V1Namespace[],
  services: readonly V1Service[],
  injectors: readonly V1MutatingWebhookConfiguration[],
): Injections {
  const living = namespaces.filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
  const injections = living.flatMap(({ metadata }) => {
    const { name: namespace = '', labels = {} } = metadata ?? {};
    const kinds = [
      ['all', {}],
      ['asking', asking],
    ] as const;
    return kinds.flatMap(([pods, ofPod]) =>
      injectors.flatMap(({ metadata: its, webhooks = [] }): Injection[] => {
        const webhook = webhooks.find((one) => injects(one, labels, ofPod));
        if (webhook === undefined) return [];
        const revision = its?.labels?.['istio.io/rev'] ?? '';
        const { service } = webhook.clientConfig;
        const asked = service === undefined ? '' : `${service.namespace}/${service.name}`;
        return [{ namespace, label: labelIn(labels), pods, revision, service: asked }];
      }),
    );
  });
  return {
    namespaces: living.map(({ metadata }) => metadata?.name ?? ''),
    services: services.map(({ metadata }) => `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`),
    injections,
  };
}

function labelIn(labels: Readonly<Record<string, string>>): string {
  const found = ['istio-injection', 'istio.io/rev'].flatMap((key) =>
    labels[key] === undefined ? [] : [`${key}=${labels[key]}`],
  );
  return found.join(', ');
}

/** Injectors, and the control planes that were found beside them. */
export interface Injecting {
  readonly injections: Injections;
  readonly planes: readonly Pick<Plane, 'revision'>[];
}

/**
 * Pods that got sidecars before and would get none now when they start: no injector takes them, or one whose Service or
 * control plane is not there. A line for each label, with the namespaces that have it.
 */
export function lostInjections(before: Injecting, after: Injecting): string[] {
  const had = new Set(before.planes.map(({ revision }) => revision));
  const has = new Set(after.planes.map(({ revision }) => revision));
  // Injectors of another mesh: its control plane, in a namespace of its own, was not seen before either.
  const foreign = new Set(
    before.injections.injections.map(({ revision }) => revision).filter((revision) => !had.has(revision)),
  );
  const asked = ({ service }: Injection): boolean =>
    service === '' || after.injections.services.includes(service);
  const serves = (one: Injection): boolean =>
    asked(one) && (has.has(one.revision) || foreign.has(one.revision));
  const lost = before.injections.injections.flatMap((one) => {
    if (!after.injections.namespaces.includes(one.namespace)) return [];
    const now = after.injections.injections.filter(
      ({ namespace, pods }) => namespace === one.namespace && pods === one.pods,
    );
    if (now.some(serves)) return [];
    const [first] = now;
    const gone =
      first === undefined
        ? 'no injector takes them'
        : asked(first)
          ? `their injector is of revision ${first.revision}, whose control plane is not there`
          : `their injector asks Service ${first.service}, which is not there`;
    return [{ ...one, gone }];
  });
  // Where all pods are lost, those that ask are among them.
  const whole = new Set(lost.filter(({ pods }) => pods === 'all').map(({ namespace }) => namespace));
  const shown = lost.filter(({ pods, namespace }) => pods === 'all' || !whole.has(namespace));
  const kinds = Map.groupBy(shown, ({ pods, label, gone }) => `${whose(pods, label)}: ${gone}`);
  return [...kinds].map(([kind, all]) => {
    const names = [...new Set(all.map(({ namespace }) => namespace))].sort();
    return `${kind} (${names.length === 1 ? 'namespace' : 'namespaces'} ${firstOf(names, 5)})`;
  });
}

function whose(pods: Injection['pods'], label: string): string {
  const of = label === '' ? 'of namespaces without a label' : `of namespaces with ${label}`;
  return pods === 'all' ? `pods ${of}` : `pods with sidecar.istio.io/inject=true ${of}`;
}
