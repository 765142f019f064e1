import { AuthorizationV1Api, type V1PolicyRule } from '@kubernetes/client-node';
import { EnvironmentError } from '../errors.ts';
import { influencingResources } from '../istio/influences.ts';
import type { Kube } from '../kube/client.ts';

/** One thing that may be done: RBAC's group ('' is the core one), resource with its subresource, and verbs. */
export interface Permission {
  readonly group: string;
  readonly resource: string;
  readonly verbs: readonly string[];
  /** Of these objects only. */
  readonly names?: readonly string[];
}

/** What a run needs, by where it needs it. `conformance rbac` grants it, and a run asks for it before it does anything. */
export interface Permissions {
  readonly everywhere: readonly Permission[];
  /** In each of the run's own namespaces. */
  readonly own: readonly Permission[];
  /** In the control plane's namespace. */
  readonly system: readonly Permission[];
}

const everything = ['get', 'list', 'watch', 'create', 'patch', 'delete'];

/** What a run needs in namespaces that are there already; to make them itself it needs more, see `toMakeNamespaces`. */
export function permissionsOf(namespaces: readonly string[]): Permissions {
  return {
    everywhere: [
      { group: '', resource: 'namespaces', verbs: ['get', 'patch'], names: namespaces },
      // Whether PROXY_IP belongs to a Service, and what else decides about the way of a request.
      { group: '', resource: 'services', verbs: ['list'] },
      { group: 'discovery.k8s.io', resource: 'endpointslices', verbs: ['list'] },
      ...influencingResources.map((one) => ({ ...one, verbs: ['list'] })),
      // Which Istio is there, by its injectors.
      {
        group: 'admissionregistration.k8s.io',
        resource: 'mutatingwebhookconfigurations',
        verbs: ['list'],
      },
      { group: '', resource: 'nodes', verbs: ['list'] },
    ],
    own: [
      { group: '', resource: 'pods', verbs: everything },
      { group: '', resource: 'pods/exec', verbs: ['get', 'create'] },
      { group: '', resource: 'pods/log', verbs: ['get'] },
      { group: '', resource: 'services', verbs: everything },
      { group: '', resource: 'serviceaccounts', verbs: everything },
      { group: '', resource: 'configmaps', verbs: everything },
      // The hermetic destination's key, and what images are pulled with.
      { group: '', resource: 'secrets', verbs: ['get', 'list', 'create', 'patch', 'delete'] },
      { group: '', resource: 'events', verbs: ['list'] },
      { group: 'apps', resource: 'deployments', verbs: everything },
      { group: 'apps', resource: 'replicasets', verbs: ['list'] },
      { group: 'networking.istio.io', resource: 'serviceentries', verbs: everything },
      { group: 'networking.istio.io', resource: 'sidecars', verbs: everything },
      { group: 'telemetry.istio.io', resource: 'telemetries', verbs: everything },
    ],
    system: [
      { group: 'apps', resource: 'deployments', verbs: ['get', 'list'] },
      { group: '', resource: 'pods', verbs: ['get', 'list'] },
      { group: '', resource: 'configmaps', verbs: ['get'] },
    ],
  };
}

/** Besides, for a run that makes its namespaces, and takes them away again. */
export const toMakeNamespaces: Permission = {
  group: '',
  resource: 'namespaces',
  verbs: ['create', 'delete', 'list'],
};

/** The rules as RBAC has them. */
export function rulesOf(permissions: readonly Permission[]): V1PolicyRule[] {
  return permissions.map(({ group, resource, verbs, names }) => ({
    apiGroups: [group],
    resources: [resource],
    verbs: [...verbs],
    ...(names === undefined ? {} : { resourceNames: [...names] }),
  }));
}

interface Question {
  readonly group: string;
  readonly resource: string;
  readonly verb: string;
  readonly name: string | undefined;
  readonly namespace: string | undefined;
}

/**
 * Asks the API server whether the user may do all that a run does.
 * @param own The namespaces of the run
 * @param makes Those of them that are not there yet
 * @param system The control plane's namespace, where there is one
 * @throws EnvironmentError that lists what is missing
 */
export async function permissionsMustSuffice(
  kube: Kube,
  own: readonly string[],
  makes: readonly string[],
  system: string | undefined,
): Promise<void> {
  const needed = permissionsOf(own);
  const questions = [
    ...needed.everywhere.flatMap((permission) => questionsOf(permission)),
    ...own.flatMap((namespace) => needed.own.flatMap((permission) => questionsOf(permission, namespace))),
    ...(system === undefined ? [] : needed.system.flatMap((permission) => questionsOf(permission, system))),
    ...(makes.length === 0 ? [] : questionsOf(toMakeNamespaces)),
  ];
  const answers = await Promise.all(questions.map((question) => mayI(kube, question)));
  const missing = questions.filter((_question, index) => answers[index] === false).map(described);
  if (missing.length === 0) return;
  throw new EnvironmentError(
    `The kubeconfig's user may not do what a run does:\n${grouped(missing)}`,
    makes.length > 0
      ? `Have an administrator apply the output of ./conformance rbac, which makes the namespaces too (${makes.join(', ')} are not there).`
      : 'Have an administrator apply the output of ./conformance rbac.',
  );
}

function questionsOf({ group, resource, verbs, names }: Permission, namespace?: string): Question[] {
  return verbs.flatMap((verb) =>
    (names ?? [undefined]).map((name) => ({ group, resource, verb, name, namespace })),
  );
}

async function mayI({ config }: Kube, question: Question): Promise<boolean> {
  const { group, verb, name, namespace } = question;
  const [resource = '', subresource] = question.resource.split('/');
  const { status } = await config.makeApiClient(AuthorizationV1Api).createSelfSubjectAccessReview({
    body: {
      spec: {
        resourceAttributes: {
          group,
          resource,
          verb,
          ...(subresource === undefined ? {} : { subresource }),
          ...(name === undefined ? {} : { name }),
          ...(namespace === undefined ? {} : { namespace }),
        },
      },
    },
  });
  return status?.allowed ?? false;
}

/** `pods/exec in external: get`. */
function described({ group, resource, verb, name, namespace }: Question): [what: string, verb: string] {
  const kind = group === '' ? resource : `${resource}.${group}`;
  const which = name === undefined ? '' : ` ${name}`;
  return [`${kind}${which}${namespace === undefined ? '' : ` in ${namespace}`}`, verb];
}

/** One line a resource. */
function grouped(missing: readonly (readonly [what: string, verb: string])[]): string {
  const verbs = new Map<string, string[]>();
  for (const [what, verb] of missing) verbs.set(what, [...(verbs.get(what) ?? []), verb]);
  return [...verbs].map(([what, all]) => `  ${what}: ${all.join(', ')}`).join('\n');
}
